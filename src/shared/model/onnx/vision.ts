// The vision side on ONNX graphs: Florence-2's own DaViT, or towers that write
// hints.

import { FlorenceError, throwIfAborted } from "../../errors.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Manifest, TowerSpec } from "../manifest.ts";
import type { EncodeOptions, Features } from "../model.ts";
import { preprocess } from "../preprocess.ts";
import type { HeldTensor, Session, Tensor } from "../session.ts";
import { createHintWriter } from "../towers/hint-writer.ts";
import { readDetections, type Detection } from "../towers/read-detections.ts";
import { readTags, type Tag } from "../towers/read-tags.ts";

/** Turns images into features. */
export interface Vision {
  /** Sides it takes; the first is the default. */
  readonly inputSizes: readonly number[];
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
): Vision {
  return manifest.vision.kind === "davit"
    ? createDavit(manifest.vision, sessions["vision"]!)
    : createTowers(manifest.vision, manifest, tokenizer, sessions);
}

type DavitSpec = Extract<Manifest["vision"], { kind: "davit" }>;
type TowersSpec = Extract<Manifest["vision"], { kind: "hint_towers" }>;

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

function createTowers(
  spec: TowersSpec,
  manifest: Manifest,
  tokenizer: Tokenizer,
  sessions: Readonly<Record<string, Session>>,
): Vision {
  const writer = createHintWriter(tokenizer);
  const inputSize = Math.max(...spec.towers.map((tower) => tower.input.size));
  return {
    inputSizes: [inputSize],
    async encode(images, options) {
      if (options.inputSize !== undefined && options.inputSize !== inputSize) {
        throw new FlorenceError(
          "invalid_request",
          `Input size ${options.inputSize} is not one this model takes: ${inputSize}.`,
        );
      }
      const seen = images.map(() => ({
        tags: new Array<Tag>(),
        detections: new Array<Detection>(),
      }));
      let features: readonly Features[] | null = null;
      for (const tower of spec.towers) {
        const pixels = pixelTensor(
          images,
          tower.input,
          tower.input.size,
          options,
        );
        const outputs = await sessions[tower.graph]!.run(
          { image: pixels },
          options,
        );
        if (tower.kind === "classifier" && tower.features) {
          features = await readFeatures(outputs["image_features"]!, inputSize);
        }
        const values = await readAll(outputs);
        for (const [index, image] of images.entries()) {
          const own = (name: string): Float32Array =>
            rowOf(values, name, index, images.length);
          look(tower, image, own, seen[index]!);
        }
      }
      return seen.map(({ tags, detections }, index) => ({
        data: features?.[index]?.data ?? new Float32Array(0),
        tokens: features?.[index]?.tokens ?? 0,
        width: manifest.text.d_model,
        hintIds: writer.write(tags, detections, images[index]!),
        inputSize,
      }));
    },
  };
}

/** Adds what one tower says of one image. */
function look(
  tower: TowerSpec,
  image: RgbImage,
  own: (name: string) => Float32Array,
  seen: { readonly tags: Tag[]; readonly detections: Detection[] },
): void {
  if (tower.kind === "classifier") {
    seen.tags.push(...readTags(tower, own));
    return;
  }
  const predictions = (stride: number): Float32Array =>
    own(`${tower.output}${stride}`);
  seen.detections.push(...readDetections(tower, image, predictions));
}

function pixelTensor(
  images: readonly RgbImage[],
  input: DavitSpec["input"],
  size: number,
  options: EncodeOptions,
): Tensor {
  throwIfAborted(options.signal);
  const data = preprocess(images, input, size);
  return { type: "float32", dims: [images.length, 3, size, size], data };
}

async function readFeatures(
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

async function readAll(
  outputs: Readonly<Record<string, HeldTensor>>,
): Promise<Map<string, Float32Array>> {
  const values = new Map<string, Float32Array>();
  for (const [name, held] of Object.entries(outputs)) {
    if (name === "image_features") continue;
    values.set(name, (await held.read()).data as Float32Array);
    held.dispose();
  }
  return values;
}

function rowOf(
  values: ReadonlyMap<string, Float32Array>,
  name: string,
  index: number,
  count: number,
): Float32Array {
  const all = values.get(name);
  if (all === undefined) {
    throw new FlorenceError(
      "bundle_invalid",
      `A tower's graph has no output "${name}". Convert the model again with florence convert.`,
    );
  }
  const size = all.length / count;
  return all.subarray(index * size, (index + 1) * size);
}
