// The engine contract on the engine of an isolate, on a ladder, on the threads
// of a server, and on an engine that another host has, over real HTTP.

import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createAdaptorServer } from "@hono/node-server";
import type { Engine } from "../../src/http/engine/engine.ts";
import { createLadder } from "../../src/http/engine/ladder.ts";
import { createRemoteEngine } from "../../src/http/engine/remote-engine.ts";
import { createCheckedService } from "./checked-service.ts";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import { openThreadEngine } from "../../src/server/thread-engine.ts";
import { ENGINE_CONTRACT } from "../contract/engine-contract.ts";
import { createFakeEngine, createFakeHost } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";

const SECRET = "a secret of two hosts, long enough";

/** A host that asks for keys, whose engine goes by `gpu`. */
async function startFarHost(): Promise<string> {
  const host = await createFakeHost({
    name: "gpu",
    now: NODE_PLATFORM.now,
    config: { secret: SECRET, open_mode: false },
  });
  const { app } = createCheckedService(host);
  const server = createAdaptorServer({ fetch: app.fetch });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const near = createFakeEngine(NODE_PLATFORM);
const threads = await openThreadEngine({
  bundles: [mkdtempSync(join(tmpdir(), "florence-contract-"))],
  device: "cpu",
  threads: 1,
  batch: 1,
  workers: 1,
  maxWaiting: 4,
  script: new URL("../fakes/scripted-thread.ts", import.meta.url),
});
after(() => threads.close());
const engines: readonly (readonly [string, Engine])[] = [
  ["the engine of an isolate", near],
  [
    "a ladder of one",
    createLadder({ engines: [near], now: NODE_PLATFORM.now }),
  ],
  ["the threads of a server", threads],
  [
    "an engine elsewhere",
    createRemoteEngine({
      name: "gpu",
      url: await startFarHost(),
      config: { secret: SECRET },
      platform: NODE_PLATFORM,
      outbound: { fetch: (request) => fetch(request) },
    }),
  ],
];

for (const [name, engine] of engines) {
  for (const one of ENGINE_CONTRACT) {
    test(`${name} ${one.name}`, async () => {
      await one.run(engine, PHOTO);
    });
  }
}

test("an engine elsewhere is not asked with another secret", async () => {
  const stranger = createRemoteEngine({
    name: "gpu",
    url: await startFarHost(),
    config: { secret: "a secret of nobody else, long enough" },
    platform: NODE_PLATFORM,
    outbound: { fetch: (request) => fetch(request) },
  });
  await assert.rejects(stranger.warm(), {
    code: "engine_unavailable",
    message: /same FLORENCE_SECRET/u,
  });
});
