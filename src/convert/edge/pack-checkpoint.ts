// A checkpoint's tensors as the kernels read them, in the order of use: what
// `edge.json` describes and its files of weights hold.

import { FlorenceError } from "../../shared/errors.ts";
import {
  EDGE_VERSION,
  type EdgePlan,
  type EdgeStorage,
  type EdgeTensor,
} from "../../shared/model/edge/edge-plan.ts";
import { packF32 } from "../../shared/model/edge/pack-f32.ts";
import {
  int4Scales,
  int4Value,
  packInt4,
} from "../../shared/model/edge/pack-int4.ts";
import {
  INT8_MOST,
  int8Scales,
  int8Value,
  packInt8,
  roundUp,
} from "../../shared/model/edge/pack-int8.ts";
import type { Checkpoint } from "../checkpoint.ts";
import { hasFeatures, readTowers } from "../hint-towers.ts";
import {
  readDavitConfig,
  readTextConfig,
  type TextConfig,
  visionKind,
} from "../model-config.ts";
import { partOf } from "../parts.ts";
import { davitParts, projectorParts } from "./davit-parts.ts";
import {
  checkParts,
  type EdgeChoices,
  GROUP,
  storageOf,
} from "./edge-choices.ts";
import type { EdgePart, Matrix } from "./edge-part.ts";
import { textParts } from "./text-parts.ts";
import type { Grams } from "./calibrate.ts";
import { meanLoss } from "./correct-bias.ts";
import { keepFirst } from "./keep-first.ts";
import { roundKeepingSums } from "./keep-sums.ts";
import { type Gram, roundWeights } from "./round-weights.ts";
import { towerParts } from "./tower-parts.ts";

/** Packed bytes, and the entries they make true. */
export interface PackedPart {
  readonly name: string;
  readonly entry: EdgeTensor;
  readonly pieces: readonly Uint8Array[];
}

/** What there is to pack, and what `edge.json` says beside tensors and files. */
export interface EdgeModel {
  readonly description: Omit<EdgePlan, "tensors" | "weights">;
  /** In the order they are used. */
  readonly parts: readonly EdgePart[];
  readonly choices: EdgeChoices;
  /** What the layers see, where weights are rounded by it. */
  readonly grams?: Grams;
}

const ALIGNMENT = 16;
/** A matrix below this gains nothing from fewer bits. */
const SMALLEST_QUANTIZED = 4096;

/**
 * Lays a model out for the kernels; reads no weight.
 *
 * @throws FlorenceError `bundle_invalid` if the checkpoint cannot be used,
 *   `invalid_request` if a choice names a part that it lacks.
 */
export function describeEdgeModel(
  checkpoint: Checkpoint,
  asked: EdgeChoices,
): EdgeModel {
  const text = readTextConfig(checkpoint);
  const vision = describeVision(checkpoint, text);
  const choices = keepSmallTowers(asked, vision.parts);
  if (vision.description.kind !== "towers" && choices.exactBytes) {
    throw new FlorenceError(
      "invalid_request",
      "Only a small model's towers have first matrices to keep in float; this is a whole Florence-2. Leave --exact out.",
    );
  }
  const seeing = keepFirst(
    vision.parts,
    choices.exactBytes ?? 0,
    (matrix) => kindOf(matrix, choices) !== "f32",
  );
  const parts = [...seeing, ...textParts(checkpoint, text)];
  const names = new Set(parts.map(({ name }) => partOf(name)));
  checkParts(choices, names);
  const isKept = (part: string): boolean =>
    parts.every(
      (one) =>
        one.kind === "vector" ||
        one.keep !== undefined ||
        partOf(one.name) !== part,
    );
  const stored = [...names].map((part) => [
    part,
    isKept(part) ? "f32" : storageOf(choices, part),
  ]);
  const isExact = ["encoder", "cross", "decoder"].every(
    (part) => storageOf(choices, part) === "f32",
  );
  return {
    description: {
      schema_version: EDGE_VERSION,
      parts: Object.fromEntries(stored) as Record<string, EdgeStorage>,
      cache: isExact ? "f32" : "f16",
      vision: vision.description,
      text: {
        width: text.width,
        heads: text.heads,
        encoder_layers: text.encoderLayers,
        decoder_layers: text.decoderLayers,
        encoder_ffn: text.encoderFfn,
        decoder_ffn: text.decoderFfn,
        vocabulary: text.vocabulary,
        positions: text.positions,
      },
    },
    parts,
    choices,
  };
}

/** Towers below this stay in f32 unless they are named, as in an int8 bundle. */
const SMALLEST_TOWER = 2_000_000;

/** YOLOX-nano in 7 bits moves its outputs by 20 % of their size. */
function keepSmallTowers(
  choices: EdgeChoices,
  parts: readonly EdgePart[],
): EdgeChoices {
  const sizes = new Map<string, number>();
  for (const part of parts) {
    if (part.kind === "vector") continue;
    const name = partOf(part.name);
    const size = (sizes.get(name) ?? 0) + part.outputs * part.inputs;
    sizes.set(name, size);
  }
  const kept: Record<string, EdgeStorage> = {};
  for (const [name, size] of sizes) {
    if (name !== "davit" && size < SMALLEST_TOWER) kept[name] = "f32";
  }
  return { ...choices, parts: { ...kept, ...choices.parts } };
}

interface VisionParts {
  readonly description: EdgePlan["vision"];
  readonly parts: readonly EdgePart[];
}

function describeVision(checkpoint: Checkpoint, text: TextConfig): VisionParts {
  return visionKind(checkpoint) === "davit"
    ? describeDavit(checkpoint, text)
    : describeTowers(checkpoint, text);
}

function describeDavit(checkpoint: Checkpoint, text: TextConfig): VisionParts {
  const davit = readDavitConfig(checkpoint);
  return {
    description: {
      kind: "davit",
      stages: davit.stages.map((stage) => ({ ...stage })),
      window: davit.window,
      positions: davit.positions,
    },
    parts: davitParts(checkpoint, davit, text),
  };
}

function describeTowers(checkpoint: Checkpoint, text: TextConfig): VisionParts {
  const { image_tokens: imageTokens, towers } = readTowers(checkpoint);
  const projected = imageTokens === 0 ? undefined : towers.find(hasFeatures);
  const made = towers.map(
    (tower) =>
      [tower.name, towerParts(checkpoint, tower, tower === projected)] as const,
  );
  return {
    description: {
      kind: "towers",
      towers: Object.fromEntries(
        made.map(([name, { tower }]) => [name, tower]),
      ),
    },
    parts: [
      ...made.flatMap(([, { parts }]) => parts),
      ...(projected === undefined ? [] : projectorParts(checkpoint, text)),
    ],
  };
}

/** Names of the matrices whose weights are rounded. */
export function roundedMatrices({
  parts,
  choices,
}: Pick<EdgeModel, "parts" | "choices">): readonly string[] {
  return parts
    .filter((part) => part.kind === "matrix" && kindOf(part, choices) !== "f32")
    .map(({ name }) => name);
}

/** How a matrix is stored. */
function kindOf(
  { name, outputs, inputs, keep }: Matrix,
  choices: EdgeChoices,
): EdgeStorage {
  if (keep !== undefined) return keep;
  const isSmall = outputs * inputs < SMALLEST_QUANTIZED;
  return isSmall ? "f32" : storageOf(choices, partOf(name));
}

/** Packs all parts of a model, one tensor at a time. */
export async function* packEdgeModel({
  parts,
  choices,
  grams,
}: EdgeModel): AsyncGenerator<PackedPart> {
  let offset = 0;
  const losses = new Map<string, Float32Array>();
  for (const part of parts) {
    const values = await part.read();
    const gram = grams?.get(part.name);
    // A bias follows its weights.
    const lost = losses.get(part.name);
    if (lost !== undefined) addInto(values, lost);
    const { rounded, ...packed } = packPart(
      part,
      values,
      choices,
      offset,
      gram,
    );
    if (part.kind === "matrix" && gram !== undefined && rounded !== undefined) {
      const { name, outputs, inputs } = part;
      const loss = meanLoss(values, rounded, outputs, inputs, gram);
      losses.set(name.replace(/\.weight$/u, ".bias"), loss);
    }
    yield packed;
    offset += packed.pieces.reduce((sum, { length }) => sum + length, 0);
  }
}

function addInto(values: Float32Array, more: Float32Array): void {
  for (const [at, value] of more.entries()) values[at]! += value;
}

/** Packed, and the values that the bytes stand for where they were rounded. */
interface RoundedPart extends PackedPart {
  readonly rounded?: Float32Array;
}

function packPart(
  part: EdgePart,
  values: Float32Array,
  choices: EdgeChoices,
  offset: number,
  gram: Gram | undefined,
): RoundedPart {
  const { name } = part;
  if (part.kind === "vector") {
    const piece = padded(values);
    const count = values.length;
    return { name, entry: { kind: "vector", offset, count }, pieces: [piece] };
  }
  const { outputs, inputs } = part;
  const kind = kindOf(part, choices);
  if (kind === "int8") {
    const own = int8Scales(values, outputs, inputs);
    // Of fewer rows than inputs GPTQ learns those rows, not the layer.
    const rounded =
      gram === undefined || gram.rows < inputs
        ? roundKeepingSums(values, outputs, inputs, own, INT8_MOST)
        : roundWeights(values, outputs, inputs, gram, (row, _, value) =>
            int8Value(value, own[row]!),
          );
    const { bytes, scales, n, k } = packInt8(rounded, outputs, inputs, own);
    const first = padded(bytes);
    const entry = { kind, offset, scales: offset + first.length, n, k };
    return { name, entry, pieces: [first, padded(scales)], rounded };
  }
  if (kind === "int4") {
    const size = choices.group ?? GROUP;
    const own = int4Scales(values, outputs, inputs, size);
    const groups = Math.ceil(inputs / size);
    const rounded =
      gram === undefined
        ? undefined
        : roundWeights(values, outputs, inputs, gram, (row, column, value) =>
            int4Value(value, own[row * groups + Math.floor(column / size)]!),
          );
    const packed = packInt4(rounded ?? values, outputs, inputs, size, own);
    const { bytes, n, k, group } = packed;
    const entry = { kind, offset, n, k, group };
    const pieces = [padded(bytes)];
    return { name, entry, pieces, ...(rounded !== undefined && { rounded }) };
  }
  const { values: packed, n, k } = packF32(values, outputs, inputs);
  return { name, entry: { kind, offset, n, k }, pieces: [padded(packed)] };
}

/** The bytes of an array, with zeros up to where the next may begin. */
function padded(array: ArrayBufferView): Uint8Array {
  const bytes = new Uint8Array(
    array.buffer,
    array.byteOffset,
    array.byteLength,
  );
  const whole = new Uint8Array(roundUp(bytes.length, ALIGNMENT));
  whole.set(bytes);
  return whole;
}
