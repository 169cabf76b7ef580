// What ONNX Runtime in a Worker must hold about memory, beyond the contract.

import type { WebSessions } from "../../../workers/onnxruntime/onnxruntime-session.ts";
import { check, checkEqual, checkRefused } from "../../contract/check.ts";
import type { SessionCase } from "../../contract/session-contract.ts";
import { tinyGraph } from "../../contract/tiny-graph.ts";

/** Ceiling of the heap these cases want: little above its first 16 MiB. */
export const SMALL_HEAP_BYTES = 40 * 2 ** 20;

/** Needs sessions with a heap of `SMALL_HEAP_BYTES`, used by nobody else. */
export function heapCases(sessions: WebSessions): readonly SessionCase[] {
  return [
    {
      name: "empties the weights it was given",
      async run() {
        const files = tinyGraph(3);
        const session = await sessions.open(files);
        checkEqual(files.weights["w.bin"]!.byteLength, 0);
        await session.dispose();
      },
    },
    {
      name: "refuses a graph larger than its heap, and opens a smaller one",
      async run() {
        await checkRefused(
          sessions.open(tinyGraph(4000)),
          "engine_unavailable",
        );
        const session = await sessions.open(tinyGraph(3));
        await session.dispose();
        const heapBytes = sessions.heapBytes();
        check(heapBytes <= SMALL_HEAP_BYTES, `the heap is ${heapBytes} bytes`);
      },
    },
    {
      name: "refuses a run larger than its heap, and runs a smaller one",
      async run() {
        const session = await sessions.open(tinyGraph(1000));
        const run = (rows: number): Promise<unknown> => {
          const data = new Float32Array(rows * 1000);
          return session.run({
            x: { type: "float32", dims: [rows, 1000], data },
          });
        };
        await checkRefused(run(3000), "engine_unavailable");
        await checkRefused(run(9000), "engine_unavailable");
        await run(1);
        await session.dispose();
      },
    },
  ];
}
