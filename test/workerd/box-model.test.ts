import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseManifest } from "../../src/shared/model/manifest.ts";

const BUNDLE = new URL("../../models/box/bundle/", import.meta.url);
const SOURCE = new URL("../../workers/edge/box-model.ts", import.meta.url);

/** Cloudflare's limit for one static asset. */
const MAX_ASSET_BYTES = 25 * 2 ** 20;

const manifest = parseManifest(
  JSON.parse(readFileSync(new URL("manifest.json", BUNDLE), "utf8")),
);

// A graph that carries its weights is an asset like other weights: scripts are
// limited to a few megabytes.
test("the script imports exactly the graphs whose weights are elsewhere", () => {
  const source = readFileSync(SOURCE, "utf8");
  const imported = [...source.matchAll(/bundle\/([\w.]+\.onnx)"/gu)];
  assert.deepEqual(
    imported.map(([, file]) => file).toSorted(),
    Object.values(manifest.graphs)
      .filter(({ weights }) => weights.length > 0)
      .map(({ file }) => file)
      .toSorted(),
  );
});

test("every file of the bundle is small enough for a static asset", () => {
  for (const { name, bytes } of manifest.files) {
    assert.ok(bytes < MAX_ASSET_BYTES, `${name}: ${bytes} bytes`);
  }
});
