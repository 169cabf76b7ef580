// Writes what the kernels' backend reads: `edge.json` and weights in files small
// enough to hold one beside the arena while it is loaded.

import { createHash } from "node:crypto";
import { throwIfAborted } from "../../shared/errors.ts";
import {
  type EdgePlan,
  parseEdgePlan,
} from "../../shared/model/edge/edge-plan.ts";
import { segmentOf } from "../../shared/model/edge/segments.ts";
import type { DirectoryWriter, WriteOptions } from "../bundle-writer.ts";
import { type EdgeModel, packEdgeModel } from "./pack-checkpoint.ts";

/** Bytes of a file of weights: what loading needs beside the arena. */
const FILE_BYTES = 4 * 2 ** 20;

/** What was written, and of what: for the manifest's parts. */
export interface WrittenEdgeWeights {
  readonly plan: EdgePlan;
  /** Bytes by tensor. */
  readonly stored: readonly {
    readonly tensor: string;
    readonly bytes: number;
  }[];
}

/**
 * Packs a model for the kernels: `edge.json` and `edge-NNN.bin`.
 *
 * Peak memory is one matrix as float32 and packed.
 *
 * @throws FlorenceError `deadline_exceeded` if the signal was aborted.
 */
export async function writeEdgeWeights(
  model: EdgeModel,
  writer: DirectoryWriter,
  options: WriteOptions = {},
): Promise<WrittenEdgeWeights> {
  const tensors: Record<string, EdgePlan["tensors"][string]> = {};
  const stored: { tensor: string; bytes: number }[] = [];
  const weights: EdgePlan["weights"] = [];
  const buffer = new Uint8Array(FILE_BYTES);
  let filled = 0;
  let segment = "";
  let doneBytes = 0;

  const flush = async (): Promise<void> => {
    if (filled === 0) return;
    const bytes = buffer.subarray(0, filled);
    const file = `edge-${String(weights.length).padStart(3, "0")}.bin`;
    await writer.add(file, bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    weights.push({ file, bytes: filled, sha256 });
    filled = 0;
  };

  const totalBytes = model.parts.reduce(
    (sum, one) => sum + (one.kind === "matrix" ? one.outputs * one.inputs : 0),
    0,
  );
  for await (const packed of packEdgeModel(model)) {
    throwIfAborted(options.signal);
    // A file ends where a segment ends: it can be read alone then.
    if (segmentOf(packed.name) !== segment) await flush();
    segment = segmentOf(packed.name);
    tensors[packed.name] = packed.entry;
    let bytes = 0;
    for (const piece of packed.pieces) {
      bytes += piece.length;
      for (let at = 0; at < piece.length;) {
        const room = piece.subarray(at, at + FILE_BYTES - filled);
        buffer.set(room, filled);
        filled += room.length;
        at += room.length;
        if (filled === FILE_BYTES) await flush();
      }
    }
    stored.push({ tensor: packed.name, bytes });
    doneBytes += bytes;
    options.onProgress?.({
      doneBytes,
      totalBytes: Math.max(totalBytes, doneBytes),
      item: packed.name,
    });
  }
  await flush();
  const plan = parseEdgePlan({ ...model.description, tensors, weights });
  await writer.add("edge.json", `${JSON.stringify(plan)}\n`);
  return { plan, stored };
}
