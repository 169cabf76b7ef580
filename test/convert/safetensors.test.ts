import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openSafetensors } from "../../src/convert/safetensors.ts";
import { isFlorenceError } from "../../src/shared/errors.ts";
import { writeSafetensors } from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-safetensors-"));
const path = join(folder, "model.safetensors");
after(() => {
  rmSync(folder, { recursive: true });
});

// Exact in all three types, zeros and a float16 subnormal among them.
const VALUES = [0, 1, -2.5, 0.15625, 2 ** -24, 448];

test("reads float32, float16 and bfloat16, whole and in ranges", async () => {
  writeSafetensors(path, {
    single: { dtype: "F32", shape: [2, 3], values: VALUES },
    half: { dtype: "F16", shape: [6], values: VALUES },
    brain: { dtype: "BF16", shape: [3, 2], values: VALUES },
    counter: { dtype: "I64", shape: [1], values: [7] },
  });
  const file = await openSafetensors(path);
  try {
    assert.deepEqual([...file.tensors.keys()], ["single", "half", "brain"]);
    for (const tensor of file.tensors.values()) {
      assert.deepEqual([...(await tensor.read(0, 6))], VALUES);
      assert.deepEqual([...(await tensor.read(2, 3))], VALUES.slice(2, 5));
    }
  } finally {
    await file.close();
  }
});

test("refuses what is cut off or is no such file", async () => {
  writeSafetensors(path, {
    single: { dtype: "F32", shape: [6], values: VALUES },
  });
  const whole = readFileSync(path);
  const wrong = Buffer.from(whole);
  wrong.write("[9]", whole.indexOf("[6]"));
  const broken = [
    Buffer.alloc(0),
    whole.subarray(0, 5),
    whole.subarray(0, 40),
    whole.subarray(0, whole.length - 1),
    wrong,
    Buffer.from("<!doctype html><html></html>"),
  ];
  for (const bytes of broken) {
    writeFileSync(path, bytes);
    await assert.rejects(
      openSafetensors(path),
      (error) => isFlorenceError(error) && error.code === "bundle_invalid",
    );
  }
});
