// What the vision sides on ONNX graphs have in common.

import { throwIfAborted } from "../../errors.ts";
import type { ResizePasses } from "../../image/resize-bicubic.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { Manifest } from "../manifest.ts";
import type { EncodeOptions, Features } from "../model.ts";
import { preprocess } from "../preprocess.ts";
import type { HeldTensor, Tensor } from "../session.ts";

/** Turns images into features. */
export interface Vision {
  /** Sides it takes; the first is the default. */
  readonly inputSizes: readonly number[];
  /** See `Model.looksFor`. */
  readonly looksFor?: (prompt: readonly number[]) => boolean;
  encode(
    images: readonly RgbImage[],
    options: EncodeOptions,
  ): Promise<readonly Features[]>;
}

type Input = Extract<Manifest["vision"], { kind: "davit" }>["input"];

/**
 * Images as one network takes them: `[B, 3, size, size]`.
 *
 * @param passes as `resizeBicubic` takes them.
 */
export function pixelTensor(
  images: readonly RgbImage[],
  input: Input,
  size: number,
  options: EncodeOptions,
  passes?: ResizePasses,
): Tensor {
  throwIfAborted(options.signal);
  const data = preprocess(images, input, size, passes);
  return { type: "float32", dims: [images.length, 3, size, size], data };
}

/** One `Features` for each row of `[B, N, d]`; disposes what it reads. */
export async function readFeatures(
  held: HeldTensor,
  inputSize: number,
): Promise<readonly Features[]> {
  const [count, tokens, width] = held.dims as [number, number, number];
  const all = (await held.read()).data as Float32Array; // [B, N, d]
  held.dispose();
  return Array.from({ length: count }, (_, index) => ({
    data: all.slice(index * tokens * width, (index + 1) * tokens * width),
    tokens,
    width,
    hintIds: [],
    inputSize,
  }));
}
