// Size and memory of the deployed Worker, with numbers: raise one only with a
// reason in the commit.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHOTO } from "../http/bad-images.ts";
import { measureScript } from "./script-size.ts";
import { startEdgeWorker } from "./edge-worker.ts";

const MIB = 2 ** 20;

/**
 * Cloudflare's limit is 64 MiB uncompressed. Measured: 18.7 MiB, of which ONNX
 * Runtime takes 13.6, and 2.5 the rasterizer with its font, without which a
 * Worker could draw no PNG.
 */
const MAX_SCRIPT_BYTES = 20 * MIB;

/**
 * Of the 128 MB of an isolate. Measured: 70 MiB, reached while the largest
 * graph is loaded and its int8 convolutions are brought back to float32.
 */
const MAX_HEAP_BYTES = 80 * MIB;

test("the script stays within its budget", async () => {
  const { bytes } = await measureScript();
  assert.ok(bytes <= MAX_SCRIPT_BYTES, `${(bytes / MIB).toFixed(1)} MiB`);
});

test("the heap at its peak stays within its budget", async () => {
  const worker = await startEdgeWorker();
  try {
    for (const tasks of ["caption,detect", "detect", "caption:detailed"]) {
      const response = await worker.fetch(`/v1/analyze?tasks=${tasks}`, {
        method: "POST",
        headers: { "Content-Type": "image/jpeg" },
        body: PHOTO,
      });
      await response.arrayBuffer();
    }
    const response = await worker.fetch("/v1/engines");
    const { data } = (await response.json()) as {
      data: { memory: { heap_bytes: number } }[];
    };
    // The heap never shrinks: what it is now is its peak.
    const heapBytes = data[0]!.memory.heap_bytes;
    assert.ok(
      heapBytes > 0 && heapBytes <= MAX_HEAP_BYTES,
      `${(heapBytes / MIB).toFixed(1)} MiB`,
    );
  } finally {
    await worker.close();
  }
});
