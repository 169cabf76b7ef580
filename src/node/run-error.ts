// What it means that ONNX Runtime failed to run a graph.

import { FlorenceError } from "../shared/errors.ts";
import type { Device } from "./devices.ts";

/**
 * How ONNX Runtime's providers name a device that is gone or a context that is
 * void, after which every run fails: `CUDA failure 700: …` (onnxruntime issue
 * 26312), `CUDNN failure …`, `WebGPU device lost (2): …` (pull request 27634).
 * The runtime gives no code for it (issue 26648).
 */
const LOST =
  /\b(?:CUDA|CUDNN|CUBLAS) failure \d+|\bdevice (?:is |was )?lost\b/iu;

/**
 * The error of a run: `engine_unavailable` if its device is lost, so that the
 * model is opened anew; else `engine_bad_output`.
 */
export function runError(device: Device, cause: unknown): FlorenceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (device !== "cpu" && LOST.test(reason)) {
    return new FlorenceError(
      "engine_unavailable",
      `The device ${device} is lost: ${reason}. Try again; if it stays so, restart the server.`,
      { cause, retryable: true },
    );
  }
  return new FlorenceError(
    "engine_bad_output",
    `ONNX Runtime failed: ${reason}`,
    { cause },
  );
}
