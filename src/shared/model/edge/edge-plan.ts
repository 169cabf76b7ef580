// `edge.json`: what a bundle for the kernels holds, all that must be known of it
// before a weight is read. The files of weights, one after another, are the first
// bytes of the arena: loading is copying.

import * as v from "valibot";
import { FlorenceError } from "../../errors.ts";

/** Highest `schema_version` this code reads. */
export const EDGE_VERSION = 1;

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
/** A place in the weights, in bytes: a multiple of 16. */
const Offset = v.pipe(Count, v.multipleOf(16));

const Vector = v.strictObject({
  kind: v.literal("vector"),
  offset: Offset,
  /** f32 values. */
  count: Count,
});

/** Columns `n` and depth `k` are rounded up as packing does. */
const Matrix = v.variant("kind", [
  v.strictObject({
    kind: v.literal("f32"),
    offset: Offset,
    n: Count,
    k: Count,
  }),
  v.strictObject({
    kind: v.literal("int8"),
    offset: Offset,
    /** Of the columns' scales. */
    scales: Offset,
    n: Count,
    k: Count,
  }),
  v.strictObject({
    kind: v.literal("int4"),
    offset: Offset,
    n: Count,
    k: Count,
    group: v.pipe(Count, v.minValue(8), v.multipleOf(8)),
  }),
]);

const Tensor = v.union([Vector, Matrix]);

const Stage = v.strictObject({
  width: Count,
  depth: Count,
  heads: Count,
  groups: Count,
  kernel: Count,
  stride: Count,
  padding: Count,
  /** Whether the convolution's norm comes before it. */
  prenorm: v.boolean(),
});

const EdgePlanSchema = v.strictObject({
  schema_version: v.literal(EDGE_VERSION),
  precision: v.picklist(["f32", "int8", "int4"]),
  davit: v.strictObject({
    stages: v.pipe(v.array(Stage), v.minLength(1)),
    window: Count,
    /** Rows, and columns, of the position tables. */
    positions: Count,
  }),
  text: v.strictObject({
    width: Count,
    heads: Count,
    encoder_layers: Count,
    decoder_layers: Count,
    encoder_ffn: Count,
    decoder_ffn: Count,
    vocabulary: Count,
    positions: Count,
  }),
  tensors: v.record(v.string(), Tensor),
  /** Files of weights in their order, of these sizes. */
  weights: v.array(
    v.strictObject({ file: v.string(), bytes: Count, sha256: v.string() }),
  ),
});

export type EdgePlan = v.InferOutput<typeof EdgePlanSchema>;
export type EdgeStage = v.InferOutput<typeof Stage>;
export type EdgeMatrix = v.InferOutput<typeof Matrix>;
export type EdgeTensor = v.InferOutput<typeof Tensor>;

/**
 * Parses `edge.json`.
 *
 * @throws FlorenceError `bundle_too_new`, `bundle_invalid`.
 */
export function parseEdgePlan(input: unknown): EdgePlan {
  const version =
    typeof input === "object" && input !== null && "schema_version" in input
      ? input.schema_version
      : undefined;
  if (typeof version === "number" && version > EDGE_VERSION) {
    throw new FlorenceError(
      "bundle_too_new",
      `edge.json has schema version ${version}; this release reads up to ${EDGE_VERSION}. Update florence, or convert the model again.`,
    );
  }
  const parsed = v.safeParse(EdgePlanSchema, input);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  const at = v.getDotPath(issue) ?? "the top level";
  throw new FlorenceError(
    "bundle_invalid",
    `edge.json is not a plan of weights: ${issue.message} at ${at}. Convert the model again with florence convert.`,
  );
}

/** Bytes of all weights. */
export function weightBytes(plan: EdgePlan): number {
  return plan.weights.reduce((sum, { bytes }) => sum + bytes, 0);
}
