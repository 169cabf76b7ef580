// Size and memory of the deployed Worker, with numbers: raise one only with a
// reason in the commit.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PHOTO } from "../http/bad-images.ts";
import { measureScript } from "./script-size.ts";
import {
  ON_ONNX_RUNTIME,
  startEdgeWorker,
  type EdgeOptions,
} from "./edge-worker.ts";

const MIB = 2 ** 20;

/**
 * Of 128 MB of an isolate. On the kernels all is planned: measured 32.0 MiB.
 * ONNX Runtime: measured 70 MiB, reached while the largest graph is loaded and
 * its int8 convolutions are brought back to float32.
 */
const BACKENDS: Readonly<
  Record<string, { readonly options: EdgeOptions; readonly maxBytes: number }>
> = {
  "florence-kernels": { options: {}, maxBytes: 36 * MIB },
  "onnxruntime-web": { options: ON_ONNX_RUNTIME, maxBytes: 80 * MIB },
};

/** Script and modules, without weights and tokenizer. */
const MAX_SCRIPT_BYTES = 1_500_000;

test("script and modules stay below 1.5 MB", async () => {
  const { bytes, parts } = await measureScript();
  for (const [name, own] of parts) console.log(`${name}: ${own} bytes`);
  assert.ok(bytes < MAX_SCRIPT_BYTES, `${bytes} bytes`);
});

for (const [backend, { options, maxBytes }] of Object.entries(BACKENDS)) {
  describe(`a Worker on ${backend}`, () => {
    test("answers within its budget of memory", async () => {
      const worker = await startEdgeWorker(undefined, options);
      try {
        for (const tasks of ["caption,detect", "caption:detailed"]) {
          const response = await worker.fetch(`/v1/analyze?tasks=${tasks}`, {
            method: "POST",
            headers: { "Content-Type": "image/jpeg" },
            body: PHOTO,
          });
          assert.equal(response.status, 200, await response.clone().text());
          await response.arrayBuffer();
        }
        const refused = await worker.fetch("/v1/analyze?tasks=ocr", {
          method: "POST",
          headers: { "Content-Type": "image/jpeg" },
          body: PHOTO,
        });
        const { code } = (await refused.json()) as { readonly code: string };
        assert.equal(code, "unsupported_task");
        const response = await worker.fetch("/v1/engines");
        const { data } = (await response.json()) as {
          data: { backend: string; memory: { heap_bytes: number } }[];
        };
        assert.equal(data[0]!.backend, backend);
        // It never shrinks: what it is now is its peak.
        const heapBytes = data[0]!.memory.heap_bytes;
        assert.ok(
          heapBytes > 0 && heapBytes <= maxBytes,
          `${(heapBytes / MIB).toFixed(1)} MiB`,
        );
      } finally {
        await worker.close();
      }
    });
  });
}
