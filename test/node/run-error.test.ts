import assert from "node:assert/strict";
import { test } from "node:test";
import { runError } from "../../src/node/run-error.ts";

test("tells a lost device from a run that failed", () => {
  const lost = [
    "CUDA failure 700: an illegal memory access was encountered ; GPU=0",
    "CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR",
    "WebGPU device lost (2): Device was destroyed.",
  ];
  for (const message of lost) {
    const cause = new Error(message);
    for (const device of ["cuda", "webgpu"] as const) {
      const error = runError(device, cause);
      assert.equal(error.code, "engine_unavailable", message);
      assert.equal(error.cause, cause);
      assert.ok(error.retryable);
    }
    assert.equal(runError("cpu", cause).code, "engine_bad_output");
  }
  const refused = runError("cuda", new Error("Got invalid dimensions"));
  assert.equal(refused.code, "engine_bad_output");
});
