// Towers of our own: networks written down in config.json as a plan of steps
// over named values, instead of DaViT. Their reference is `training/model.py`.

import * as v from "valibot";
import { FlorenceError } from "../shared/errors.ts";
import {
  NearSchema,
  type ImageInputSpec,
  type Manifest,
  type ReaderSpec,
  type TowerSpec,
} from "../shared/model/manifest.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { TextConfig } from "./model-config.ts";
import type { Graph } from "./onnx/graph.ts";
import type { Precision } from "./onnx/layers.ts";
import { planMacs, towerGraph } from "./onnx/tower.ts";
import { COUNTED_PROMPT_TOKENS, textMacs } from "./parts.ts";

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
const Triple = v.tuple([v.number(), v.number(), v.number()]);
/** Top, left, bottom, right. */
const Padding = v.tuple([Count, Count, Count, Count]);
const Name = v.pipe(v.string(), v.regex(/^\w+$/u));
const output = Name;
const input = Name;

const Step = v.variant("op", [
  v.strictObject({
    op: v.literal("conv"),
    input,
    weight: v.string(),
    bias: v.string(),
    stride: Count,
    padding: Padding,
    groups: Count,
    activation: v.picklist(["none", "relu", "relu6", "silu", "sigmoid"]),
    output,
  }),
  v.strictObject({
    op: v.literal("max_pool"),
    input,
    kernel: Count,
    stride: Count,
    padding: Padding,
    output,
  }),
  v.strictObject({
    op: v.literal("average_pool"),
    input,
    size: v.literal(1),
    output,
  }),
  v.strictObject({
    op: v.literal("upsample_nearest"),
    input,
    scale: Count,
    output,
  }),
  v.strictObject({ op: v.literal("concat"), inputs: v.array(Name), output }),
  v.strictObject({
    op: v.literal("add"),
    inputs: v.tuple([Name, Name]),
    output,
  }),
  v.strictObject({ op: v.literal("space_to_depth"), input, output }),
  v.strictObject({
    op: v.literal("linear"),
    input,
    weight: v.string(),
    bias: v.string(),
    output,
  }),
  v.strictObject({ op: v.literal("flatten_grid"), input, output }),
]);

const ImageInput = v.strictObject({
  size: Count,
  resize: v.picklist(["stretch", "letterbox"]),
  pad: v.optional(v.number()),
  order: v.picklist(["rgb", "bgr"]),
  mean: Triple,
  std: Triple,
});

const common = {
  name: Name,
  input: ImageInput,
  plan: v.array(Step),
  /** Names outside -> values of the plan. */
  outputs: v.record(Name, Name),
};

const Head = v.strictObject({
  output: Name,
  activation: v.picklist(["softmax", "sigmoid"]),
  labels: v.array(v.string()),
  threshold: v.number(),
  max: Count,
});

const Tower = v.variant("kind", [
  v.strictObject({
    ...common,
    kind: v.literal("classifier"),
    heads: v.array(Head),
    outline: v.exactOptional(
      v.strictObject({
        output: Name,
        region: v.string(),
        phrase: v.string(),
      }),
    ),
  }),
  v.strictObject({
    ...common,
    kind: v.literal("detector"),
    strides: v.array(Count),
    labels: v.array(v.string()),
    score_threshold: v.number(),
    nms_iou: v.number(),
    max: Count,
    answers: v.exactOptional(
      v.strictObject({
        labeled: v.string(),
        unlabeled: v.string(),
        score_threshold: v.number(),
        max: Count,
      }),
    ),
  }),
]);

/** A graph of a publisher's, beside the weights. */
const GraphFile = v.strictObject({
  file: v.pipe(
    v.string(),
    v.regex(/^[\w-]+\.onnx$/u, "not the name of a graph"),
  ),
  parameters: Count,
  /** Multiply-accumulates of one run; of one line, for the recognizer. */
  macs: Count,
});

const Reader = v.strictObject({
  detector: v.strictObject({
    graph: GraphFile,
    long_side: Count,
    multiple: Count,
    mean: Triple,
    std: Triple,
    pixel_threshold: v.number(),
    line_threshold: v.number(),
    grow: v.number(),
    least_side: v.number(),
    max: Count,
  }),
  recognizer: v.strictObject({
    graph: GraphFile,
    height: Count,
    least_width: Count,
    most_width: Count,
    multiple: Count,
    mean: Triple,
    std: Triple,
    threshold: v.number(),
    space: v.number(),
    characters: v.array(v.string()),
  }),
  answers: v.strictObject({
    text: v.string(),
    lines: v.string(),
    region: v.string(),
  }),
});

const VisionSection = v.object({
  model_type: v.literal("hint_towers"),
  image_tokens: Count,
  towers: v.pipe(v.array(Tower), v.minLength(1)),
  closer: v.exactOptional(v.number()),
  region_labels: v.exactOptional(v.boolean()),
  near: v.exactOptional(NearSchema),
  places: v.exactOptional(v.literal("hinted")),
  reader: v.exactOptional(Reader),
});

/** A graph that a bundle takes as it is. */
export interface ReadyGraph {
  /** In the manifest's `graphs`. */
  readonly name: string;
  /** In the checkpoint's directory. */
  readonly file: string;
  readonly parameters: number;
  readonly macs: number;
}

/** The vision side: its graphs, what the manifest says, and the work by part. */
export interface VisionSide {
  readonly graphs: readonly Graph[];
  readonly spec: Manifest["vision"];
  readonly macs: Map<string, number>;
  readonly readyGraphs: readonly ReadyGraph[];
}

/** One step of a tower's plan. */
export type TowerStep = v.InferOutput<typeof Step>;
/** One tower as config.json describes it. */
export type TowerConfig = v.InferOutput<typeof Tower>;
/** The vision side as config.json describes it. */
export type TowersConfig = v.InferOutput<typeof VisionSection>;

/**
 * Reads the towers of config.json.
 *
 * @throws FlorenceError `bundle_invalid`.
 */
export function readTowers(checkpoint: Checkpoint): TowersConfig {
  const parsed = v.safeParse(VisionSection, checkpoint.config["vision_config"]);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw new FlorenceError(
    "bundle_invalid",
    `vision_config of config.json does not describe hint towers: ${issue.message} at ${v.getDotPath(issue) ?? "the top level"}.`,
  );
}

/** Whether a tower makes what image tokens are projected from. */
export function hasFeatures(tower: TowerConfig): boolean {
  return tower.kind === "classifier" && "features" in tower.outputs;
}

/**
 * The towers of a checkpoint as graphs `tower.NAME`: `image` [B, 3, S, S] ->
 * the outputs its heads or strides read, and `image_features` from the value
 * `features` of the first classifier where the model takes image tokens.
 *
 * @throws FlorenceError `bundle_invalid`.
 */
export function towersVision(
  checkpoint: Checkpoint,
  text: TextConfig,
  precision: Precision,
): VisionSide {
  const {
    image_tokens: imageTokens,
    towers,
    closer,
    region_labels: regionLabels,
    near,
    places,
    reader,
  } = readTowers(checkpoint);
  const projected =
    imageTokens === 0 ? null : (towers.find(hasFeatures) ?? null);
  if (imageTokens > 0 && projected === null) {
    throw new FlorenceError(
      "bundle_invalid",
      `vision_config of config.json promises ${imageTokens} image tokens, but no classifier has an output "features".`,
    );
  }
  const macs = new Map<string, number>();
  for (const tower of towers) macs.set(tower.name, planMacs(checkpoint, tower));
  if (projected !== null) macs.set("projector", 0);
  return {
    graphs: towers.map((tower) =>
      towerGraph(checkpoint, tower, text, precision, tower === projected),
    ),
    spec: {
      kind: "hint_towers",
      image_tokens: imageTokens,
      towers: towers.map((tower) => describe(tower, tower === projected)),
      ...(closer !== undefined && { closer }),
      ...(regionLabels !== undefined && { region_labels: regionLabels }),
      ...(near !== undefined && { near }),
      ...(places !== undefined && { places }),
      ...(reader !== undefined && { reader: describeReader(reader) }),
    },
    readyGraphs:
      reader === undefined
        ? []
        : READER_PARTS.map((part) => ({
            ...reader[part].graph,
            name: `reader.${part}`,
          })),
    macs: new Map([
      ...macs,
      ...textMacs(text, imageTokens + COUNTED_PROMPT_TOKENS),
    ]),
  };
}

const READER_PARTS = ["detector", "recognizer"] as const;

function describeReader({
  detector,
  recognizer,
  answers,
}: v.InferOutput<typeof Reader>): ReaderSpec {
  return {
    detector: { ...detector, graph: "reader.detector" },
    recognizer: { ...recognizer, graph: "reader.recognizer" },
    answers,
  };
}

function describe(tower: TowerConfig, features: boolean): TowerSpec {
  const { name } = tower;
  const graph = `tower.${name}`;
  const { pad, ...rest } = tower.input;
  const image: ImageInputSpec = pad === undefined ? rest : { ...rest, pad };
  if (tower.kind === "classifier") {
    return {
      kind: "classifier",
      name,
      graph,
      input: image,
      heads: tower.heads,
      features,
      ...(tower.outline !== undefined && { outline: tower.outline }),
    };
  }
  return {
    kind: "detector",
    name,
    graph,
    input: image,
    output: "stride_",
    strides: tower.strides,
    labels: tower.labels,
    score_threshold: tower.score_threshold,
    nms_iou: tower.nms_iou,
    max: tower.max,
    ...(tower.answers !== undefined && { answers: tower.answers }),
  };
}
