// What the edge Worker is deployed with: bundles whose files are small enough for
// static assets, on the kernels and on ONNX Runtime.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseManifest } from "../../src/shared/model/manifest.ts";

const ROOT = new URL("../../", import.meta.url);

/** Cloudflare's limit for one static asset. */
const MAX_ASSET_BYTES = 25 * 2 ** 20;
/** Of a whole bundle, as shipped. */
const MAX_BUNDLE_BYTES = 25_000_000;

// As wrangler does it.
execFileSync(process.execPath, [
  fileURLToPath(new URL("workers/make-bundle.ts", ROOT)),
]);

for (const folder of ["dist/edge-bundle/", "models/box/bundle/"]) {
  const read = (name: string): Buffer =>
    readFileSync(new URL(`${folder}${name}`, ROOT));
  const manifest = parseManifest(JSON.parse(read("manifest.json").toString()));

  test(`${folder} is the model in the box, small enough for static assets`, () => {
    assert.equal(manifest.id, "florence-box");
    assert.equal(manifest.license, "Apache-2.0");
    let total = 0;
    for (const { name, bytes, sha256 } of manifest.files) {
      const own = read(name);
      assert.equal(own.length, bytes);
      assert.equal(createHash("sha256").update(own).digest("hex"), sha256);
      assert.ok(bytes < MAX_ASSET_BYTES, `${name}: ${bytes} bytes`);
      total += bytes;
    }
    assert.ok(total <= MAX_BUNDLE_BYTES, `${total} bytes`);
  });
}
