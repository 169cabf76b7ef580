// What of a checkpoint the vision side needs, and in which shape.

import type { Checkpoint } from "../checkpoint.ts";
import type { DavitConfig, TextConfig } from "../model-config.ts";
import {
  type EdgePart,
  linearParts,
  normParts,
  readAll,
  vectorPart,
  zeros,
} from "./edge-part.ts";

const TOWER = "model.vision_tower";
const PROJECTOR = "model.multi_modal_projector";
/** Taps of a 3 x 3 filter. */
const TAPS = 9;

/** Parts in the order the tower uses them. */
export function davitParts(
  checkpoint: Checkpoint,
  davit: DavitConfig,
  text: TextConfig,
): EdgePart[] {
  const parts: EdgePart[] = [];
  for (const [index, { depth }] of davit.stages.entries()) {
    const conv = `${TOWER}.convs.${index}`;
    parts.push(
      convolutionPart(checkpoint, `${conv}.conv`, index === 0),
      vectorPart(checkpoint, `${conv}.conv.bias`),
      ...normParts(checkpoint, `${conv}.norm`),
    );
    for (let block = 0; block < depth; block += 1) {
      for (const kind of ["spatial", "channel"] as const) {
        const attention = kind === "spatial" ? "window_attn" : "channel_attn";
        const name = `${TOWER}.blocks.${index}.${block}.${kind}_block`;
        parts.push(
          ...depthwiseParts(checkpoint, `${name}.conv1`),
          ...normParts(checkpoint, `${name}.norm1`),
          ...linearParts(checkpoint, `${name}.${attention}.qkv`),
          ...linearParts(checkpoint, `${name}.${attention}.proj`),
          ...depthwiseParts(checkpoint, `${name}.conv2`),
          ...normParts(checkpoint, `${name}.norm2`),
          ...linearParts(checkpoint, `${name}.ffn.fc1`),
          ...linearParts(checkpoint, `${name}.ffn.fc2`),
        );
      }
    }
  }
  for (const table of ["row_embeddings", "column_embeddings"]) {
    const name = `${PROJECTOR}.image_position_embed.${table}.weight`;
    parts.push(vectorPart(checkpoint, name));
  }
  return [...parts, ...projectorParts(checkpoint, text)];
}

/** What brings a map's channels to the text's width. */
export function projectorParts(
  checkpoint: Checkpoint,
  text: TextConfig,
): EdgePart[] {
  const name = `${PROJECTOR}.image_projection`;
  const tensor = checkpoint.tensor(`${name}.weight`);
  const channels = tensor.count / text.width;
  return [
    {
      kind: "matrix",
      name: `${name}.weight`,
      outputs: text.width,
      inputs: channels,
      // 0.3 % of the tower's work, and everything after hangs on it.
      keep: "f32",
      async read() {
        const values = await readAll(tensor);
        return tensor.isTransposed
          ? transposed(values, channels, text.width)
          : values;
      },
    },
    zeros(`${name}.bias`, text.width),
    ...normParts(checkpoint, `${PROJECTOR}.image_proj_norm`),
  ];
}

/** `[out, in, y, x]` becomes `[out, (y, x, in)]`: patches are rows of pixels. */
function convolutionPart(
  checkpoint: Checkpoint,
  name: string,
  isFirst: boolean,
): EdgePart {
  const tensor = checkpoint.tensor(`${name}.weight`);
  const [outputs, channels, size] = tensor.shape as [number, number, number];
  const taps = size * size;
  return {
    kind: "matrix",
    name: `${name}.weight`,
    outputs,
    inputs: taps * channels,
    // Small, and what it loses of the pixels nothing brings back.
    ...(isFirst && { keep: "f32" as const }),
    async read() {
      const values = await readAll(tensor);
      const patches = new Float32Array(values.length);
      for (let out = 0; out < outputs; out += 1) {
        const start = out * taps * channels;
        const own = values.subarray(start, start + taps * channels);
        patches.set(transposed(own, channels, taps), start);
      }
      return patches;
    },
  };
}

/** `[C, 1, 3, 3]` becomes `[3, 3, C]`. */
function depthwiseParts(checkpoint: Checkpoint, name: string): EdgePart[] {
  const tensor = checkpoint.tensor(`${name}.weight`);
  const channels = tensor.shape[0]!;
  return [
    {
      kind: "vector",
      name: `${name}.weight`,
      read: async () => transposed(await readAll(tensor), channels, TAPS),
    },
    vectorPart(checkpoint, `${name}.bias`),
  ];
}

/** `[rows, columns]` becomes `[columns, rows]`. */
function transposed(
  values: Float32Array,
  rows: number,
  columns: number,
): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[column * rows + row] = values[row * columns + column]!;
    }
  }
  return result;
}
