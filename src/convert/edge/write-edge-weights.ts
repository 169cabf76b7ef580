// Writes the files the kernels' backend reads: `edge.json` and weights in files
// small enough to hold one beside the arena while it is loaded.

import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type EdgePlan,
  parseEdgePlan,
} from "../../shared/model/edge/edge-plan.ts";
import { segmentOf } from "../../shared/model/edge/segments.ts";
import { openCheckpoint } from "../checkpoint.ts";
import {
  describeModel,
  type EdgePrecision,
  packCheckpoint,
} from "./pack-checkpoint.ts";

/** Bytes of a file of weights: what loading needs beside the arena. */
const FILE_BYTES = 4 * 2 ** 20;

/**
 * Packs a checkpoint directory for the kernels.
 *
 * Peak memory is one matrix as float32 and packed.
 *
 * @param out folder that gets `edge.json` and `edge-NNN.bin`.
 * @throws FlorenceError `bundle_invalid` if the checkpoint cannot be used.
 */
export async function writeEdgeWeights(
  directory: string,
  out: string,
  precision: EdgePrecision,
): Promise<EdgePlan> {
  const checkpoint = await openCheckpoint(directory);
  try {
    await mkdir(out, { recursive: true });
    const tensors: Record<string, EdgePlan["tensors"][string]> = {};
    const weights: EdgePlan["weights"] = [];
    const buffer = new Uint8Array(FILE_BYTES);
    let filled = 0;
    const flush = async (): Promise<void> => {
      if (filled === 0) return;
      const bytes = buffer.subarray(0, filled);
      const file = `edge-${String(weights.length).padStart(3, "0")}.bin`;
      await writeFile(join(out, file), bytes);
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      weights.push({ file, bytes: filled, sha256 });
      filled = 0;
    };
    let segment = "";
    for await (const part of packCheckpoint(checkpoint, precision)) {
      // A file ends where a segment ends: it can be read alone then.
      if (segmentOf(part.name) !== segment) await flush();
      segment = segmentOf(part.name);
      tensors[part.name] = part.entry;
      for (const piece of part.pieces) {
        for (let at = 0; at < piece.length;) {
          const room = piece.subarray(at, at + FILE_BYTES - filled);
          buffer.set(room, filled);
          filled += room.length;
          at += room.length;
          if (filled === FILE_BYTES) await flush();
        }
      }
    }
    await flush();
    const description = describeModel(checkpoint, precision);
    const plan = parseEdgePlan({ ...description, tensors, weights });
    await writeFile(join(out, "edge.json"), `${JSON.stringify(plan)}\n`);
    return plan;
  } finally {
    await checkpoint.close();
  }
}
