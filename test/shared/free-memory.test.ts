import assert from "node:assert/strict";
import { test } from "node:test";
import { freeMemory } from "../../src/shared/free-memory.ts";

test("a buffer's memory is given back", () => {
  const values = new Float32Array(4);
  freeMemory(values);
  assert.equal(values.length, 0);
  freeMemory(values); // once more does nothing
});

test("a part of a larger buffer stays, and memory of WebAssembly", () => {
  const whole = new Uint8Array([1, 2, 3]);
  freeMemory(whole.subarray(1));
  assert.deepEqual(whole, new Uint8Array([1, 2, 3]));
  const memory = new WebAssembly.Memory({ initial: 1 });
  freeMemory(new Uint8Array(memory.buffer, 0, 8));
  assert.equal(memory.buffer.byteLength, 65_536);
});

test("shared memory stays", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(2));
  freeMemory(shared);
  assert.equal(shared.length, 2);
});
