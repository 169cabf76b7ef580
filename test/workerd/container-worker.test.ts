// The Worker in front of the container, as wrangler would deploy it. The image
// itself needs Docker and is not built here.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";

const ROOT = new URL("../../", import.meta.url);

test("wrangler takes the container's Worker as it is configured", () => {
  const folder = mkdtempSync(join(tmpdir(), "florence-far-"));
  const printed = execFileSync(
    process.execPath,
    [
      "node_modules/wrangler/bin/wrangler.js",
      ...["deploy", "--dry-run", "--containers-rollout=none"],
      ...["-c", "workers/container/wrangler.toml", "--outdir", folder],
    ],
    { cwd: ROOT, encoding: "utf8" },
  );
  assert.match(printed, /env\.FAR_ENGINE \(FarEngine\)\s+Durable Object/u);
  assert.match(printed, /florence-far-farengine \(.*Dockerfile\)/u);
});

test("it asks for the port and the probe that the image has", () => {
  const source = readFileSync(
    new URL("workers/container/index.ts", ROOT),
    "utf8",
  );
  const [, port] = /defaultPort = (\d+)/u.exec(source) ?? [];
  const dockerfile = readFileSync(new URL("Dockerfile", ROOT), "utf8");
  assert.ok(port !== undefined);
  assert.ok(dockerfile.includes(`FLORENCE_PORT=${port}`));
  assert.match(source, /pingEndpoint = "container\/v1\/health\/live"/u);
});
