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

/** Top, left, bottom, right, in pixels. */
const Padding = v.tuple([Count, Count, Count, Count]);
const Activation = v.picklist(["none", "relu", "relu6", "silu", "sigmoid"]);
const Value = v.string();

const filtered = {
  input: Value,
  output: Value,
  /** Side of the filter. */
  kernel: v.pipe(Count, v.minValue(1)),
  stride: v.pipe(Count, v.minValue(1)),
  padding: Padding,
};

/** One step of a tower, over named maps `[height, width, channels]`. */
const TowerStep = v.variant("op", [
  v.strictObject({
    op: v.literal("conv"),
    ...filtered,
    /** A matrix `NAME.weight` of `[channels, (y, x, in)]`, and `NAME.bias`. */
    layer: v.string(),
    channels: Count,
    activation: Activation,
  }),
  v.strictObject({
    op: v.literal("depthwise"),
    ...filtered,
    /** Vectors `NAME.weight` of `[y, x, channels]`, and `NAME.bias`. */
    layer: v.string(),
    activation: Activation,
  }),
  v.strictObject({ op: v.literal("max_pool"), ...filtered }),
  v.strictObject({
    op: v.literal("global_average"),
    input: Value,
    output: Value,
  }),
  v.strictObject({
    op: v.literal("enlarge"),
    input: Value,
    output: Value,
    /** Each pixel becomes a square of this side. */
    factor: v.pipe(Count, v.minValue(1)),
  }),
  v.strictObject({
    op: v.literal("concat"),
    inputs: v.pipe(v.array(Value), v.minLength(1)),
    output: Value,
  }),
  v.strictObject({
    op: v.literal("add"),
    inputs: v.tuple([Value, Value]),
    output: Value,
  }),
]);

/** A network that looks, as steps over `image` `[size, size, 3]`. */
const Tower = v.strictObject({
  size: Count,
  steps: v.array(TowerStep),
  outputs: v.record(
    v.string(),
    v.strictObject({
      value: Value,
      /**
       * `vector` `[B, channels]` of one pixel, `rows` `[B, pixels, channels]`,
       * `planes` `[B, channels, height, width]`.
       */
      order: v.picklist(["vector", "rows", "planes"]),
    }),
  ),
  /** The map whose projection is `image_features`. */
  features: v.exactOptional(Value),
});

const Storage = v.picklist(["f32", "int8", "int4"]);

const EdgePlanSchema = v.strictObject({
  schema_version: v.literal(EDGE_VERSION),
  /** How the matrices of each part are stored, save small or sensitive ones. */
  parts: v.record(v.string(), Storage),
  /** What the decoder attends to. */
  cache: v.picklist(["f32", "f16"]),
  vision: v.variant("kind", [
    v.strictObject({
      kind: v.literal("davit"),
      stages: v.pipe(v.array(Stage), v.minLength(1)),
      window: Count,
      /** Rows, and columns, of the position tables. */
      positions: Count,
    }),
    v.strictObject({
      kind: v.literal("towers"),
      towers: v.record(v.string(), Tower),
    }),
  ]),
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
export type EdgeStorage = v.InferOutput<typeof Storage>;
export type EdgeTower = v.InferOutput<typeof Tower>;
export type EdgeTowerStep = v.InferOutput<typeof TowerStep>;
export type EdgeStage = v.InferOutput<typeof Stage>;
export type EdgeDavit = Extract<EdgePlan["vision"], { kind: "davit" }>;
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

/**
 * The DaViT of a plan.
 *
 * @throws FlorenceError `bundle_invalid` if it has towers.
 */
export function davitOf({ vision }: EdgePlan): EdgeDavit {
  if (vision.kind === "davit") return vision;
  throw new FlorenceError(
    "bundle_invalid",
    "edge.json has towers where the manifest has a DaViT. Convert the model again with florence convert.",
  );
}

/** Bytes of all weights. */
export function weightBytes(plan: EdgePlan): number {
  return plan.weights.reduce((sum, { bytes }) => sum + bytes, 0);
}
