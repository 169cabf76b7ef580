// What page and worker say to each other, over a channel of Node: neither side
// knows a browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { answerMessages } from "../../src/browser/answer-messages.ts";
import { askWorker, type WorkerCalls } from "../../src/browser/ask-worker.ts";
import type { Opening } from "../../src/browser/messages.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { FlorenceError, isFlorenceError } from "../../src/shared/errors.ts";
import type { ErrorCode } from "../../src/shared/errors.ts";
import { openGolden } from "../shared/model/edge/open-golden.ts";

const PHOTO = new URL("../../examples/photos/surfer.jpg", import.meta.url);
const REQUEST = {
  tasks: [{ task: "caption" }],
  options: { max_tokens: 6 },
};
const OPENING: Opening = {
  bundle: "http://localhost/bundle/",
  webgpu: null,
  assets: "http://localhost/",
  threads: 1,
  maxBytes: 2 ** 30,
};

const { port1, port2 } = new MessageChannel();
let calls: WorkerCalls;

before(() => {
  answerMessages(port2, async ({ bundle }) => {
    if (bundle !== OPENING.bundle) {
      throw new FlorenceError("bundle_invalid", `No bundle at ${bundle}.`);
    }
    const loaded = await openGolden("tiny-native", "int8");
    const { backend, device } = loaded.model.capabilities;
    const model = loaded.manifest.id;
    return {
      loaded,
      codecs: await loadImageCodecs(),
      backend: { model, backend, device, threads: 1, dropped: [] },
    };
  });
  calls = askWorker(port1);
  port1.start();
  port2.start();
});
after(() => {
  port1.close();
});

/** A photo of its own for each request: it is taken over. */
function photo(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(PHOTO));
}

/** Asserts that a promise is refused with this code. */
function refused(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  return assert.rejects(
    promise,
    (error) => isFlorenceError(error) && error.code === code,
  );
}

test("what cannot be opened is told with its code", async () => {
  const bundle = "http://localhost/none/";
  await refused(calls.open({ ...OPENING, bundle }), "bundle_invalid");
});

test("a picture is answered, its words told on the way", async () => {
  const backend = await calls.open(OPENING);
  assert.equal(backend.backend, "florence-kernels");
  const words: string[] = [];
  const events = {
    token({ delta }: { readonly delta: string }) {
      words.push(delta);
    },
  };
  const envelope = await calls.analyze(photo(), REQUEST, { events });
  const [result] = envelope.results;
  assert.ok(result !== undefined && "text" in result);
  assert.equal(words.join(""), result.text);
});

test("requests at once are answered each on its own", async () => {
  const [good, bad, other] = await Promise.allSettled([
    calls.analyze(photo(), REQUEST),
    calls.analyze(photo(), { tasks: [{ task: "nothing of ours" }] }),
    calls.analyze(new Uint8Array(400), REQUEST),
  ]);
  assert.equal(good.status, "fulfilled");
  assert.equal(bad.status, "rejected");
  assert.equal((bad.reason as FlorenceError).code, "unknown_task");
  assert.equal(other.status, "rejected");
  const { code } = other.reason as FlorenceError;
  assert.equal(code, "unsupported_media_type");
});

test("a request that is aborted while another is answered does not begin", async () => {
  const first = calls.analyze(photo(), REQUEST);
  const abort = new AbortController();
  const { signal } = abort;
  const second = calls.analyze(photo(), REQUEST, { signal });
  abort.abort();
  await refused(second, "deadline_exceeded");
  assert.equal((await first).status, "completed");
});

test("a worker that is gone refuses what waits and what comes", async () => {
  const waiting = calls.analyze(photo(), REQUEST);
  calls.fail(new FlorenceError("engine_unavailable", "The worker is gone."));
  await refused(waiting, "engine_unavailable");
  await refused(calls.analyze(photo(), REQUEST), "engine_unavailable");
});
