// A checkpoint's tensors in the order the kernels read them, one after another:
// what `edge.json` describes and its files of weights hold.

import {
  EDGE_VERSION,
  type EdgePlan,
  type EdgeTensor,
} from "../../shared/model/edge/edge-plan.ts";
import { packF32 } from "../../shared/model/edge/pack-f32.ts";
import { packInt4 } from "../../shared/model/edge/pack-int4.ts";
import { packInt8, roundUp } from "../../shared/model/edge/pack-int8.ts";
import type { Checkpoint } from "../checkpoint.ts";
import {
  type DavitConfig,
  readDavitConfig,
  readTextConfig,
  type TextConfig,
} from "../model-config.ts";
import { davitParts } from "./davit-parts.ts";
import type { EdgePart } from "./edge-part.ts";
import { textParts } from "./text-parts.ts";

export type EdgePrecision = EdgePlan["precision"];

/** Packed bytes, and the entries they make true. */
export interface PackedPart {
  readonly name: string;
  readonly entry: EdgeTensor;
  readonly pieces: readonly Uint8Array[];
}

/** Values along k that share a scale of 4-bit weights. */
const GROUP = 32;
const ALIGNMENT = 16;

/** Packs all parts of a checkpoint, one at a time. */
export async function* packCheckpoint(
  checkpoint: Checkpoint,
  precision: EdgePrecision,
): AsyncGenerator<PackedPart> {
  const davit = readDavitConfig(checkpoint);
  const text = readTextConfig(checkpoint);
  const parts = [
    ...davitParts(checkpoint, davit, text),
    ...textParts(checkpoint, text),
  ];
  let offset = 0;
  for (const part of parts) {
    const packed = packPart(part, await part.read(), precision, offset);
    yield packed;
    offset += packed.pieces.reduce((sum, { length }) => sum + length, 0);
  }
}

/** What `edge.json` says beside tensors and files. */
export function describeModel(
  checkpoint: Checkpoint,
  precision: EdgePrecision,
): Omit<EdgePlan, "tensors" | "weights"> {
  const davit: DavitConfig = readDavitConfig(checkpoint);
  const text: TextConfig = readTextConfig(checkpoint);
  return {
    schema_version: EDGE_VERSION,
    precision,
    davit: {
      stages: davit.stages.map((stage) => ({ ...stage })),
      window: davit.window,
      positions: davit.positions,
    },
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
  };
}

function packPart(
  part: EdgePart,
  values: Float32Array,
  precision: EdgePrecision,
  offset: number,
): PackedPart {
  const { name } = part;
  if (part.kind === "vector") {
    const piece = padded(values);
    const count = values.length;
    return { name, entry: { kind: "vector", offset, count }, pieces: [piece] };
  }
  const { outputs, inputs } = part;
  const kind = part.keep ?? precision;
  if (kind === "int8") {
    const { bytes, scales, n, k } = packInt8(values, outputs, inputs);
    const first = padded(bytes);
    const entry = { kind, offset, scales: offset + first.length, n, k };
    return { name, entry, pieces: [first, padded(scales)] };
  }
  if (kind === "int4") {
    const { bytes, n, k, group } = packInt4(values, outputs, inputs, GROUP);
    const entry = { kind, offset, n, k, group };
    return { name, entry, pieces: [padded(bytes)] };
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
