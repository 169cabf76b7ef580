// The weights in the order of their use, cut where the network's work is cut: a
// block of the vision tower, a layer of the encoder. A segment is what is read,
// used and given up as a whole; files of weights never reach over its ends.

import { FlorenceError } from "../../errors.ts";
import type { EdgePlan } from "./edge-plan.ts";

/** What runs one after another; `vocabulary` is embedding and head. */
export type EdgePartName = "vision" | "encoder" | "decoder" | "vocabulary";

/** Weights used together. */
export interface Segment {
  /** E.g. `vision.2.0.spatial`, `encoder.3`. */
  readonly name: string;
  readonly part: EdgePartName;
  /** Where it begins in the weights, and its bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly files: EdgePlan["weights"];
}

const RULES: readonly (readonly [RegExp, string])[] = [
  [/^model\.vision_tower\.convs\.(\d+)\./u, "vision.$1"],
  [
    /^model\.vision_tower\.blocks\.(\d+)\.(\d+)\.(spatial|channel)_block\./u,
    "vision.$1.$2.$3",
  ],
  [/^model\.multi_modal_projector\./u, "vision.projector"],
  [/^model\.language_model\.encoder\.layers\.(\d+)\./u, "encoder.$1"],
  [/^model\.language_model\.encoder\./u, "encoder.embedding"],
  [
    /^model\.language_model\.decoder\.layers\.(\d+)\.encoder_attn\.kv\./u,
    "encoder.cross.$1",
  ],
  [/^model\.language_model\.decoder\./u, "decoder"],
  [/^(?:embedding|head)\./u, "vocabulary"],
];

/** The segment a tensor of `edge.json` belongs to; what no rule knows: `other`. */
export function segmentOf(tensor: string): string {
  for (const [pattern, name] of RULES) {
    const found = pattern.exec(tensor);
    if (found !== null) {
      return name.replace(/\$(\d)/gu, (_, group: string) => {
        return found[Number(group)]!;
      });
    }
  }
  return "other";
}

/**
 * The segments of a model with DaViT, in the order of the files.
 *
 * @throws FlorenceError `bundle_invalid` if a segment is in pieces or a file
 *   belongs to two.
 */
export function segmentsOf(plan: EdgePlan): readonly Segment[] {
  const starts = startsOf(plan);
  const segments: Segment[] = [];
  let at = 0;
  let files: EdgePlan["weights"] = [];
  let next = 0;
  for (const [index, { name, offset }] of starts.entries()) {
    const end = starts[index + 1]?.offset ?? Number.POSITIVE_INFINITY;
    const first = at;
    files = [];
    while (at < end && next < plan.weights.length) {
      const file = plan.weights[next]!;
      files.push(file);
      at += file.bytes;
      next += 1;
    }
    const isWhole = at === end || end === Number.POSITIVE_INFINITY;
    if (first !== offset || !isWhole) {
      throw new FlorenceError(
        "bundle_invalid",
        `A file of weights belongs to ${name} and to what comes after it; weights cannot be streamed so. Convert the model again with florence convert.`,
      );
    }
    segments.push({
      name,
      part: partOf(name),
      offset,
      bytes: at - first,
      files,
    });
  }
  return segments;
}

function startsOf({ tensors }: EdgePlan): { name: string; offset: number }[] {
  const starts: { name: string; offset: number }[] = [];
  const ordered = Object.entries(tensors).toSorted(
    ([, a], [, b]) => a.offset - b.offset,
  );
  for (const [tensor, { offset }] of ordered) {
    const name = segmentOf(tensor);
    if (starts.at(-1)?.name === name) continue;
    if (starts.some((start) => start.name === name)) {
      throw new FlorenceError(
        "bundle_invalid",
        `The weights of ${name} lie in several places; they cannot be streamed so. Convert the model again with florence convert.`,
      );
    }
    starts.push({ name, offset });
  }
  return starts;
}

function partOf(name: string): EdgePartName {
  const [part] = name.split(".");
  if (part === "vision" || part === "encoder" || part === "vocabulary") {
    return part;
  }
  return "decoder";
}
