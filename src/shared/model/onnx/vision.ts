// The vision side on ONNX graphs: Florence-2's own DaViT, or towers that write
// hints.

import { FlorenceError, throwIfAborted } from "../../errors.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Manifest } from "../manifest.ts";
import type { EncodeOptions, Features } from "../model.ts";
import { preprocess } from "../preprocess.ts";
import type { HeldTensor, Session, Tensor } from "../session.ts";
import type { ReaderSessions } from "../towers/reader.ts";
import { createTowers } from "./tower-vision.ts";

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

/** Names of the graphs the vision side needs. */
export function visionGraphNames(manifest: Manifest): readonly string[] {
  const { vision } = manifest;
  return vision.kind === "davit"
    ? ["vision"]
    : vision.towers.map((tower) => tower.graph);
}

/** The vision side of a bundle. */
export function createVision(
  manifest: Manifest,
  tokenizer: Tokenizer,
  sessions: Readonly<Record<string, Session>>,
  openReader: (() => Promise<ReaderSessions>) | null,
): Vision {
  const { vision } = manifest;
  return vision.kind === "davit"
    ? createDavit(vision, sessions["vision"]!)
    : createTowers(vision, manifest, tokenizer, sessions, openReader);
}

type DavitSpec = Extract<Manifest["vision"], { kind: "davit" }>;

function createDavit(spec: DavitSpec, session: Session): Vision {
  return {
    inputSizes: spec.input_sizes,
    async encode(images, options) {
      const size = options.inputSize ?? spec.input_sizes[0]!;
      if (!spec.input_sizes.includes(size)) {
        throw new FlorenceError(
          "invalid_request",
          `Input size ${size} is not one this model takes: ${spec.input_sizes.join(", ")}.`,
        );
      }
      const pixels = pixelTensor(images, spec.input, size, options);
      const outputs = await session.run({ pixel_values: pixels }, options);
      return await readFeatures(outputs["image_features"]!, size);
    },
  };
}

/** Images as one network takes them: `[B, 3, size, size]`. */
export function pixelTensor(
  images: readonly RgbImage[],
  input: DavitSpec["input"],
  size: number,
  options: EncodeOptions,
): Tensor {
  throwIfAborted(options.signal);
  const data = preprocess(images, input, size);
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
