// The vision side of a bundle at every stage: values inside its graphs, by name.

import { FlorenceError } from "../shared/errors.ts";
import type { RgbImage } from "../shared/image/rgb-image.ts";
import type { BundleSource } from "../shared/model/bundle-source.ts";
import type { ImageInputSpec, Manifest } from "../shared/model/manifest.ts";
import { openGraph } from "../shared/model/onnx/open-graph.ts";
import { pixelTensor } from "../shared/model/onnx/vision.ts";
import type { Session, SessionFactory } from "../shared/model/session.ts";
import type { FloatArray } from "./npz.ts";
import type { Landmark } from "./onnx/graph.ts";
import { readLandmarks, withOutputs } from "./onnx/landmarks.ts";

/** A value that can be asked for. */
export interface FeatureName {
  readonly name: string;
  /** Whether it ends a stage, and is given where nothing is named. */
  readonly endsStage: boolean;
}

/** One network of the vision side. */
interface Part {
  readonly graph: string;
  /** Before each of its values' names. */
  readonly prefix: string;
  readonly input: ImageInputSpec;
  /** The name of the graph's input. */
  readonly pixels: string;
  readonly sizes: readonly number[];
  readonly landmarks: readonly Landmark[];
}

interface OpenPart {
  readonly part: Part;
  /** Those wanted. */
  readonly landmarks: readonly Landmark[];
  readonly size: number;
  readonly session: Session;
}

export interface FeatureOptions {
  /** Values wanted, `*` for any run of letters; ends of stages if left out. */
  readonly names?: readonly string[] | undefined;
  /** One of the bundle's input sizes; its own if left out. */
  readonly inputSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Gives features of pictures. */
export interface FeatureExtractor {
  readonly names: readonly FeatureName[];
  /** Values by name, each `[C, H, W]` or `[C]`: without the batch's axis. */
  extract(image: RgbImage): Promise<ReadonlyMap<string, FloatArray>>;
  dispose(): Promise<void>;
}

/**
 * What a bundle's vision side has inside: `stage_1` to `stage_4` of a DaViT;
 * of towers, `TOWER.VALUE` for each value of the tower's plan.
 *
 * @throws FlorenceError `bundle_invalid` if its graphs name nothing, as those
 *   of other layouts and of older conversions.
 */
export async function featureNames(
  bundle: BundleSource,
  manifest: Manifest,
): Promise<FeatureName[]> {
  return namesOf(await partsOf(bundle, manifest));
}

/**
 * Opens a bundle for features. Holds the weights of the networks that are
 * asked, once more than the session does while it opens.
 *
 * @throws FlorenceError `invalid_request` for names and sizes it does not have,
 *   `bundle_invalid`.
 */
export async function openFeatures(
  bundle: BundleSource,
  manifest: Manifest,
  sessions: SessionFactory,
  options: FeatureOptions = {},
): Promise<FeatureExtractor> {
  const parts = await partsOf(bundle, manifest);
  const names = namesOf(parts);
  const wanted = choose(names, options.names);
  const { inputSize, signal } = options;
  const opened: OpenPart[] = [];
  for (const part of parts) {
    const landmarks = part.landmarks.filter(({ name }) =>
      wanted.has(`${part.prefix}${name}`),
    );
    if (landmarks.length === 0) continue;
    const size = inputSize ?? part.sizes[0]!;
    if (!part.sizes.includes(size)) {
      throw new FlorenceError(
        "invalid_request",
        `Input size ${size} is not one ${part.graph} takes: ${part.sizes.join(", ")}.`,
      );
    }
    const source = withLandmarks(bundle, manifest, part, landmarks);
    const session = await openGraph(part.graph, manifest, source, sessions);
    opened.push({ part, landmarks, size, session });
  }
  return {
    names,
    async extract(image) {
      const values = new Map<string, FloatArray>();
      for (const { part, landmarks, size, session } of opened) {
        const pixels = pixelTensor([image], part.input, size, { signal });
        const outputs = await session.run(
          { [part.pixels]: pixels },
          { outputs: landmarks.map(({ value }) => value), signal },
        );
        for (const { name, value } of landmarks) {
          const held = outputs[value]!;
          const { dims, data } = await held.read();
          values.set(`${part.prefix}${name}`, {
            dims: dims.slice(1),
            data: Float32Array.from(data as Float32Array),
          });
          held.dispose();
        }
      }
      return values;
    },
    async dispose() {
      for (const { session } of opened) await session.dispose();
    },
  };
}

function namesOf(parts: readonly Part[]): FeatureName[] {
  return parts.flatMap(({ prefix, landmarks }) =>
    landmarks.map(({ name, endsStage }) => ({
      name: `${prefix}${name}`,
      endsStage,
    })),
  );
}

function choose(
  names: readonly FeatureName[],
  patterns: readonly string[] | undefined,
): Set<string> {
  if (patterns === undefined)
    return new Set(
      names.filter(({ endsStage }) => endsStage).map(({ name }) => name),
    );
  const wanted = new Set<string>();
  for (const pattern of patterns) {
    const parts = pattern.split("*").map((part) => RegExp.escape(part));
    const expression = new RegExp(`^${parts.join(".*")}$`, "u");
    const found = names.filter(({ name }) => expression.test(name));
    if (found.length === 0) {
      throw new FlorenceError(
        "invalid_request",
        `The model has no value "${pattern}". florence features --list tells what it has.`,
      );
    }
    for (const { name } of found) wanted.add(name);
  }
  return wanted;
}

async function partsOf(
  bundle: BundleSource,
  manifest: Manifest,
): Promise<Part[]> {
  const { vision } = manifest;
  const networks =
    vision.kind === "davit"
      ? [
          {
            graph: "vision",
            prefix: "",
            input: vision.input,
            pixels: "pixel_values",
            sizes: vision.input_sizes,
          },
        ]
      : vision.towers.map(({ graph, name, input }) => ({
          graph,
          prefix: `${name}.`,
          input,
          pixels: "image",
          sizes: [input.size],
        }));
  const parts: Part[] = [];
  for (const network of networks) {
    const file = manifest.graphs[network.graph]?.file;
    const landmarks =
      file === undefined ? [] : readLandmarks(await bundle.read(file));
    parts.push({ ...network, landmarks });
  }
  if (parts.every(({ landmarks }) => landmarks.length === 0)) {
    throw new FlorenceError(
      "bundle_invalid",
      `The graphs of ${bundle.name} do not say where their stages end: it was made by an older florence convert, or by others. Convert the checkpoint again.`,
    );
  }
  return parts;
}

/** The bundle with more outputs of one graph, read as bytes. */
function withLandmarks(
  bundle: BundleSource,
  manifest: Manifest,
  part: Part,
  landmarks: readonly Landmark[],
): BundleSource {
  const { file } = manifest.graphs[part.graph]!;
  return {
    name: bundle.name,
    async read(name) {
      const bytes = await bundle.read(name);
      return name === file
        ? withOutputs(
            bytes,
            landmarks.map(({ value }) => value),
          )
        : bytes;
    },
  };
}
