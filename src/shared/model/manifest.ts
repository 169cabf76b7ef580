// The bundle's table of contents: everything that must be known of a model
// before a weight is read. Written by the converter, parsed wherever a bundle
// is opened; an unknown key is an error, a higher version a clear refusal.

import * as v from "valibot";
import { FlorenceError } from "../errors.ts";

/** Highest `schema_version` this code reads. */
export const MANIFEST_VERSION = 1;

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u));
const Triple = v.tuple([v.number(), v.number(), v.number()]);
const FileName = v.pipe(
  v.string(),
  v.regex(/^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/u, "not a plain relative path"),
);

const BundleFile = v.strictObject({
  name: FileName,
  bytes: Count,
  sha256: Sha256,
});

const Graph = v.strictObject({
  /** The `.onnx` file. */
  file: FileName,
  /** Files of external weights the graph names. */
  weights: v.array(FileName),
});

const Part = v.strictObject({
  name: v.string(),
  parameters: Count,
  /** Bytes of weights in the bundle. */
  bytes: Count,
  /** Multiply-accumulates of one run at the default input size, one prompt token row. */
  macs: Count,
  /** How its matrices are stored, in a bundle for the kernels. */
  stored: v.exactOptional(v.picklist(["f32", "int8", "int4"])),
});

/** How an image becomes the tensor of one network: values are 0..255. */
const ImageInput = v.strictObject({
  /** Side in pixels. */
  size: Count,
  /** `stretch` to the square, or `letterbox` at the top left over `pad`. */
  resize: v.picklist(["stretch", "letterbox"]),
  pad: v.optional(v.number()),
  order: v.picklist(["rgb", "bgr"]),
  /** Per channel, on the 0..255 scale: (x - mean) / std. */
  mean: Triple,
  std: Triple,
});

const ClassifierHead = v.strictObject({
  output: v.string(),
  activation: v.picklist(["softmax", "sigmoid"]),
  labels: v.array(v.string()),
  threshold: v.number(),
  max: Count,
});

/** Says which pixels of what the tower looks at belong to the thing in it. */
const OutlineHead = v.strictObject({
  /** `[B, 1, side, side]`, logits. */
  output: v.string(),
  /** The prompt it answers itself, up to the region's corners. */
  region: v.string(),
  /**
   * The prompt whose boxes are told as outlines: the caller's words stand for
   * `{input}`.
   */
  phrase: v.string(),
});

const ClassifierTower = v.strictObject({
  kind: v.literal("classifier"),
  name: v.string(),
  graph: v.string(),
  input: ImageInput,
  heads: v.array(ClassifierHead),
  /** Whether this graph also gives `image_features`. */
  features: v.boolean(),
  outline: v.exactOptional(OutlineHead),
});

/** Answers a detector gives itself, to these prompts word for word. */
const DetectorAnswers = v.strictObject({
  /** The prompt that is answered with labels and boxes. */
  labeled: v.string(),
  /** The prompt that is answered with boxes alone. */
  unlabeled: v.string(),
  score_threshold: v.number(),
  max: Count,
});

const DetectorTower = v.strictObject({
  kind: v.literal("detector"),
  name: v.string(),
  graph: v.string(),
  input: ImageInput,
  /** Outputs are named by this and the stride: `stride_8` for `stride_` and 8. */
  output: v.string(),
  strides: v.array(Count),
  labels: v.array(v.string()),
  score_threshold: v.number(),
  nms_iou: v.number(),
  /** Most objects among the hints. */
  max: Count,
  answers: v.exactOptional(DetectorAnswers),
});

/** A network that says what it sees in the model's own tokens. */
const Tower = v.variant("kind", [ClassifierTower, DetectorTower]);

/** A network that marks the pixels of lines of text, B G R in. */
const TextDetector = v.strictObject({
  graph: v.string(),
  /** The picture's longer side is brought to this if it is longer. */
  long_side: Count,
  /** Both sides are multiples of this. */
  multiple: Count,
  mean: Triple,
  std: Triple,
  /** A pixel above this may be text; a line's mean must reach the other. */
  pixel_threshold: v.number(),
  line_threshold: v.number(),
  /** A line's box grows by this times area over perimeter. */
  grow: v.number(),
  /** Least side of a line before it grows, in pixels of the map. */
  least_side: v.number(),
  max: Count,
});

/** A network that reads one line, B G R in. */
const TextRecognizer = v.strictObject({
  graph: v.string(),
  /** A line is brought to this height; zeros fill its width up to the least. */
  height: Count,
  least_width: Count,
  most_width: Count,
  multiple: Count,
  mean: Triple,
  std: Triple,
  /** Least mean probability of a line's characters. */
  threshold: v.number(),
  /** Probability from which a space stands between two characters. */
  space: v.number(),
  /** Of its outputs after the first, which is no character. */
  characters: v.array(v.string()),
});

const Reader = v.strictObject({
  detector: TextDetector,
  recognizer: TextRecognizer,
  /** The prompts it answers itself; the last up to the region's corners. */
  answers: v.strictObject({
    text: v.string(),
    lines: v.string(),
    region: v.string(),
  }),
});

/**
 * A closer look at single things, for prompts that ask for some by words; see
 * `towers/near-hints.ts`.
 */
export const NearSchema = v.strictObject({
  /** The caller's words, if the prompt has some, stand for `{input}`. */
  prompts: v.array(v.string()),
  /** Of candidates, as for a detector, but classes hide one another. */
  score_threshold: v.number(),
  nms_iou: v.number(),
  max: Count,
  /** The first so many are looked at by the classifiers. */
  closer: Count,
  /** Most names that a crop's tags add. */
  names: Count,
  /** Least score of such a name. */
  name_score: v.number(),
  /** Tags that are colors: the best one is told. */
  colors: v.array(v.string()),
  /** Tags that say nothing of a thing. */
  skip: v.array(v.string()),
  /** Words that say nothing of what is meant. */
  idle: v.array(v.string()),
  /** Words, and those of the hints that mean the same. */
  same: v.record(v.string(), v.string()),
  /** Words that anything may have: alike in these alone is not alike. */
  relative: v.array(v.string()),
});

const DavitVision = v.strictObject({
  kind: v.literal("davit"),
  input: ImageInput,
  /** Sides `encode` takes; the first is the default. */
  input_sizes: v.pipe(v.array(Count), v.minLength(1)),
});

const TowersVision = v.strictObject({
  kind: v.literal("hint_towers"),
  /** Visual tokens in front of the hints, 0 if only hints are given. */
  image_tokens: Count,
  towers: v.pipe(v.array(Tower), v.minLength(1)),
  /**
   * Share of a region's sides around it in the classifiers' closer look, for
   * prompts that name a region; left out: they look at the whole image only.
   */
  closer: v.exactOptional(v.number()),
  /** Whether a region stands among its hints, under the detector's name. */
  region_labels: v.exactOptional(v.boolean()),
  near: v.exactOptional(NearSchema),
  /** `hinted`: answers name only boxes that stand in the hints. */
  places: v.exactOptional(v.literal("hinted")),
  reader: v.exactOptional(Reader),
});

const Text = v.strictObject({
  d_model: Count,
  encoder_layers: Count,
  decoder_layers: Count,
  heads: Count,
  /** Rows of the embedding and of the head. */
  vocabulary: Count,
  /** Positions an encoder input or an answer may have. */
  positions: Count,
});

const Generation = v.strictObject({
  decoder_start_token_id: Count,
  bos_token_id: Count,
  pad_token_id: Count,
  eos_token_id: Count,
  forced_bos_token_id: v.nullable(Count),
  forced_eos_token_id: v.nullable(Count),
  num_beams: Count,
  no_repeat_ngram_size: Count,
  early_stopping: v.boolean(),
  length_penalty: v.number(),
  /** Ids no answer may hold, such as padded vocabulary rows. */
  suppress_tokens: v.array(Count),
});

/** A task's scores as chances; see `tasks/calibrate.ts`. */
const Calibration = v.pipe(
  v.strictObject({
    /** Ascending, and the chance of being right at each, not falling. */
    scores: v.pipe(v.array(v.number()), v.minLength(1)),
    chances: v.array(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
    /** Answers it was fitted on. */
    outcomes: Count,
    /** SHA-256 of the data they are from. */
    data: Sha256,
  }),
  v.check(
    ({ scores, chances }) =>
      scores.length === chances.length &&
      scores.every((score, at) => at === 0 || score > scores[at - 1]!) &&
      chances.every((chance, at) => at === 0 || chance >= chances[at - 1]!),
    "scores must ascend, and chances, one for each, not fall",
  ),
);

/** Schema of `manifest.json`. */
export const ManifestSchema = v.strictObject({
  schema_version: v.literal(MANIFEST_VERSION),
  id: v.string(),
  /** `sha256:` over the sorted file hashes: names exactly these weights. */
  revision: v.string(),
  /** Where the weights come from, in words. */
  source: v.string(),
  license: v.string(),
  /** `edge`: each part as `parts` says. */
  precision: v.picklist(["fp32", "fp16", "int8", "edge"]),
  /**
   * `florence`: our graphs; `transformers-js`: the four public ones; `edge`: no
   * graphs, `edge.json` and packed weights for the kernels.
   */
  layout: v.picklist(["florence", "transformers-js", "edge"]),
  /** Tasks it was trained for, a variant after a colon. */
  tasks: v.array(v.string()),
  /** Below this score a task's answer counts as no detection; by task. */
  thresholds: v.record(v.string(), v.number()),
  /** What a task leaves out if a request does not say, in scores as told. */
  min_scores: v.exactOptional(v.record(v.string(), v.number())),
  /** By task; scores of the others are the model's own. */
  calibration: v.exactOptional(v.record(v.string(), Calibration)),
  vision: v.variant("kind", [DavitVision, TowersVision]),
  text: Text,
  generation: Generation,
  /** Tokenizer files, e.g. `tokenizer.json`. */
  tokenizer: v.array(FileName),
  graphs: v.record(v.string(), Graph),
  parts: v.array(Part),
  files: v.array(BundleFile),
});

export type Manifest = v.InferOutput<typeof ManifestSchema>;
export type Calibration = v.InferOutput<typeof Calibration>;
export type TowerSpec = v.InferOutput<typeof Tower>;
export type NearSpec = v.InferOutput<typeof NearSchema>;
export type ReaderSpec = v.InferOutput<typeof Reader>;
export type ImageInputSpec = v.InferOutput<typeof ImageInput>;
export type GenerationSpec = v.InferOutput<typeof Generation>;

/**
 * Parses `manifest.json`.
 *
 * @throws FlorenceError `bundle_too_new` for a higher `schema_version`,
 *   `bundle_invalid` for anything else that is not a manifest.
 */
export function parseManifest(input: unknown): Manifest {
  const version =
    typeof input === "object" && input !== null && "schema_version" in input
      ? input.schema_version
      : undefined;
  if (typeof version === "number" && version > MANIFEST_VERSION) {
    throw new FlorenceError(
      "bundle_too_new",
      `The bundle has schema version ${String(version)}; this release reads up to ${String(MANIFEST_VERSION)}. Update florence, or convert the model again.`,
    );
  }
  const parsed = v.safeParse(ManifestSchema, input);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  const at = v.getDotPath(issue) ?? "the top level";
  throw new FlorenceError(
    "bundle_invalid",
    `manifest.json is not a bundle manifest: ${issue.message} at ${at}. Convert the model again with florence convert.`,
  );
}
