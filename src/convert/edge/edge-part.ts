// A piece of a checkpoint as the kernels' backend wants it, made when asked for.

import { roundUp } from "../../shared/model/edge/pack-int8.ts";
import type { Checkpoint, CheckpointTensor } from "../checkpoint.ts";

/** Something to pack: its name in `edge.json`, and how its values come about. */
export type EdgePart =
  | {
      readonly kind: "vector";
      readonly name: string;
      read(): Promise<Float32Array>;
    }
  | {
      readonly kind: "matrix";
      readonly name: string;
      readonly outputs: number;
      readonly inputs: number;
      /** `f32` keeps it out of quantization. */
      readonly keep?: "f32";
      /** `[outputs, inputs]`. */
      read(): Promise<Float32Array>;
    };

/** A matrix to pack. */
export type Matrix = Extract<EdgePart, { readonly kind: "matrix" }>;

/** All values of a tensor as f32. */
export async function readAll(tensor: CheckpointTensor): Promise<Float32Array> {
  return await tensor.read(0, tensor.count);
}

/** A vector as it is, rounded up to whole panels with zeros. */
export function vectorPart(
  checkpoint: Checkpoint,
  name: string,
  from: string | readonly string[] = name,
): EdgePart {
  const names = typeof from === "string" ? [from] : from;
  return {
    kind: "vector",
    name,
    read: async () => joined(checkpoint, names, 8),
  };
}

/** A layer `NAME.weight` and `NAME.bias`; several side by side become one. */
export function linearParts(
  checkpoint: Checkpoint,
  name: string,
  from: readonly string[] = [name],
): EdgePart[] {
  const tensors = from.map((one) => checkpoint.tensor(`${one}.weight`));
  const outputs = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return [
    {
      kind: "matrix",
      name: `${name}.weight`,
      outputs,
      inputs: tensors[0]!.count / tensors[0]!.shape[0]!,
      read: () =>
        joined(
          checkpoint,
          from.map((one) => `${one}.weight`),
          1,
        ),
    },
    vectorPart(
      checkpoint,
      `${name}.bias`,
      from.map((one) => `${one}.bias`),
    ),
  ];
}

/** `weight` and `bias` of a LayerNorm. */
export function normParts(checkpoint: Checkpoint, name: string): EdgePart[] {
  return [
    vectorPart(checkpoint, `${name}.weight`),
    vectorPart(checkpoint, `${name}.bias`),
  ];
}

/** A vector of zeros, where a checkpoint has no bias. */
export function zeros(name: string, count: number): EdgePart {
  return {
    kind: "vector",
    name,
    read: () => Promise.resolve(new Float32Array(count)),
  };
}

/** Tensors one after another, zeros up to a multiple of `step`. */
async function joined(
  checkpoint: Checkpoint,
  names: readonly string[],
  step: number,
): Promise<Float32Array> {
  const tensors = names.map((name) => checkpoint.tensor(name));
  const count = tensors.reduce((sum, tensor) => sum + tensor.count, 0);
  const values = new Float32Array(roundUp(count, step));
  let at = 0;
  for (const tensor of tensors) {
    values.set(await readAll(tensor), at);
    at += tensor.count;
  }
  return values;
}
