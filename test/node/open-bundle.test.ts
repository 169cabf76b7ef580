import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { openBundle } from "../../src/node/open-bundle.ts";
import { goldenBundle } from "../golden/golden-bundle.ts";

const scratch = mkdtempSync(join(tmpdir(), "florence-broken-"));
let whole: string;

before(async () => {
  whole = await goldenBundle("tiny-native", "int8");
});
after(() => {
  rmSync(scratch, { recursive: true });
});

/** A copy of the bundle that `damage` has changed. */
function damaged(name: string, damage: (folder: string) => void): string {
  const folder = join(scratch, name);
  cpSync(whole, folder, { recursive: true });
  damage(folder);
  return folder;
}

test("opens a whole bundle", async () => {
  const { model, manifest } = await openBundle(whole);
  assert.equal(manifest.precision, "int8");
  await model.dispose();
});

test("refuses a bundle with a changed file, naming it", async () => {
  const folder = damaged("changed", (path) => {
    const file = join(path, "weights-000.bin");
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
  });
  await assert.rejects(openBundle(folder), {
    code: "bundle_invalid",
    message: /weights-000\.bin/u,
  });
});

test("refuses a bundle with a cut file, naming it", async () => {
  const folder = damaged("cut", (path) => {
    const file = join(path, "decoder.onnx");
    writeFileSync(file, readFileSync(file).subarray(0, 100));
  });
  await assert.rejects(openBundle(folder), {
    code: "bundle_invalid",
    message: /decoder\.onnx/u,
  });
});

test("refuses a bundle with a missing file, naming it", async () => {
  const folder = damaged("missing", (path) => {
    rmSync(join(path, "encoder.onnx"));
  });
  await assert.rejects(openBundle(folder), {
    code: "bundle_invalid",
    message: /encoder\.onnx is missing/u,
  });
});

test("refuses a bundle of a newer version, saying what to do", async () => {
  const folder = damaged("newer", (path) => {
    const file = join(path, "manifest.json");
    const manifest = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ ...manifest, schema_version: 99 }));
  });
  await assert.rejects(openBundle(folder), {
    code: "bundle_too_new",
    message: /Update florence/u,
  });
});

test("refuses a folder that is no bundle, and one that is not there", async () => {
  const empty = mkdtempSync(join(scratch, "empty-"));
  for (const folder of [empty, join(scratch, "nowhere")]) {
    await assert.rejects(openBundle(folder), {
      code: "bundle_invalid",
      message: /florence convert/u,
    });
  }
});

test("refuses a manifest that is not JSON", async () => {
  const folder = damaged("no-json", (path) => {
    writeFileSync(join(path, "manifest.json"), "{");
  });
  await assert.rejects(openBundle(folder), {
    code: "bundle_invalid",
    message: /not JSON/u,
  });
});
