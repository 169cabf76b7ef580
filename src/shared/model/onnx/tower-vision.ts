// The vision side made of towers: they write what they see as hints, look
// closer at regions, and answer some prompts themselves.

import { FlorenceError, throwIfAborted } from "../../errors.ts";
import type { ResizePasses } from "../../image/resize-bicubic.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Manifest, TowerSpec } from "../manifest.ts";
import type { Features, PromptSight, RunOptions } from "../model.ts";
import type { HeldTensor, Session, Tensor } from "../session.ts";
import { lookCloser, type Glance, type Seen } from "../towers/closer-look.ts";
import { createHintWriter } from "../towers/hint-writer.ts";
import { createPromptKinds } from "../towers/prompt-kinds.ts";
import { readDetections, type Detection } from "../towers/read-detections.ts";
import { readTags, type Tag } from "../towers/read-tags.ts";
import type { ReaderSessions } from "../towers/reader.ts";
import { writeObjects } from "../towers/write-answers.ts";
import { pixelTensor, readFeatures, type Vision } from "./vision.ts";

type TowersSpec = Extract<Manifest["vision"], { kind: "hint_towers" }>;
type DetectorTower = Extract<TowerSpec, { kind: "detector" }>;

/** What towers see of one image, as they look one after the other. */
interface Seeing extends Seen {
  readonly tags: Tag[];
  readonly hinted: Detection[];
  readonly sights: PromptSight[];
  detector: DetectorTower | null;
  predictionsOf: Seen["predictionsOf"];
}

/**
 * The vision side of towers.
 *
 * @param openReader opens the reader's graphs, once, when a text is first asked
 *   for; null where the model has no reader.
 * @param passes as `resizeBicubic` takes them.
 */
export function createTowers(
  spec: TowersSpec,
  manifest: Manifest,
  tokenizer: Tokenizer,
  sessions: Readonly<Record<string, Session>>,
  openReader: (() => Promise<ReaderSessions>) | null,
  passes?: ResizePasses,
): Vision {
  const writer = createHintWriter(tokenizer);
  const inputSize = Math.max(...spec.towers.map((tower) => tower.input.size));
  const kinds = createPromptKinds(spec, tokenizer);
  const runTower = (
    tower: TowerSpec,
    images: readonly RgbImage[],
    options: RunOptions,
  ): Promise<TowerRun> => {
    const { input } = tower;
    const pixels = pixelTensor(images, input, input.size, options, passes);
    return runSession(sessions[tower.graph]!, pixels, options);
  };

  const glance = async (
    images: readonly RgbImage[],
    options: RunOptions,
  ): Promise<readonly Glance[]> => {
    const glances = images.map(() => ({
      tags: [] as Tag[],
      outline: null as Float32Array | null,
    }));
    for (const tower of spec.towers) {
      if (tower.kind !== "classifier") continue;
      const own = await runTower(tower, images, options);
      for (const [at, one] of glances.entries()) {
        const valueOf = own.valuesOf(at);
        one.tags.push(...readTags(tower, valueOf));
        if (tower.outline !== undefined)
          one.outline ??= valueOf(tower.outline.output);
      }
    }
    return glances;
  };
  const look = { spec, tokenizer, writer, kinds, glance, openReader };

  return {
    inputSizes: [inputSize],
    looksFor: (prompt) => kinds.kindOf(prompt) !== null,
    async encode(images, options) {
      if (options.inputSize !== undefined && options.inputSize !== inputSize) {
        throw new FlorenceError(
          "invalid_request",
          `Input size ${options.inputSize} is not one this model takes: ${inputSize}.`,
        );
      }
      const seen = images.map((): Seeing => ({
        tags: [],
        hinted: [],
        sights: [],
        detector: null,
        predictionsOf: () => new Float32Array(0),
      }));
      let features: readonly Features[] | null = null;
      for (const tower of spec.towers) {
        const ran = await runTower(tower, images, options);
        if (tower.kind === "classifier" && tower.features) {
          features = await readFeatures(ran.features!, inputSize);
        }
        for (const [at, image] of images.entries()) {
          lookBy(tower, image, ran.valuesOf(at), seen[at]!, tokenizer);
        }
      }
      for (const [at, image] of images.entries()) {
        throwIfAborted(options.signal);
        const own = seen[at]!;
        const prompts = options.prompts?.[at] ?? [];
        own.sights.push(
          ...(await lookCloser(look, image, own, prompts, options)),
        );
      }
      return seen.map(({ tags, hinted, sights }, index) => ({
        data: features?.[index]?.data ?? new Float32Array(0),
        tokens: features?.[index]?.tokens ?? 0,
        width: manifest.text.d_model,
        hintIds: writer.write(tags, hinted, images[index]!),
        inputSize,
        ...(sights.length > 0 && { sights }),
      }));
    },
  };
}

/** Adds what one tower says of one image. */
function lookBy(
  tower: TowerSpec,
  image: RgbImage,
  own: (name: string) => Float32Array,
  seen: Seeing,
  tokenizer: Tokenizer,
): void {
  if (tower.kind === "classifier") {
    seen.tags.push(...readTags(tower, own));
    return;
  }
  seen.detector = tower;
  seen.predictionsOf = (stride) => own(`${tower.output}${stride}`);
  const found = detectionsOf(tower, image, seen);
  seen.hinted.push(
    ...found
      .filter(({ score }) => score >= tower.score_threshold)
      .slice(0, tower.max),
  );
  const { answers } = tower;
  if (answers === undefined) return;
  const told = found
    .filter(({ score }) => score >= answers.score_threshold)
    .slice(0, answers.max);
  for (const [text, hasLabels] of [
    [answers.labeled, true],
    [answers.unlabeled, false],
  ] as const) {
    const prompt = tokenizer.encode(text);
    const answer = writeObjects(told, image, tokenizer, hasLabels);
    seen.sights.push({ prompt, answer });
  }
}

/** Best first, down to where either hints or answers end. */
function detectionsOf(
  tower: DetectorTower,
  image: RgbImage,
  { predictionsOf }: Seen,
): readonly Detection[] {
  const { answers } = tower;
  const wide = {
    ...tower,
    score_threshold: Math.min(
      tower.score_threshold,
      answers?.score_threshold ?? Infinity,
    ),
    max: Math.max(tower.max, answers?.max ?? 0),
  };
  return readDetections(wide, image, predictionsOf);
}

/** What a tower gave for some images. */
interface TowerRun {
  readonly valuesOf: (index: number) => (name: string) => Float32Array;
  readonly features: HeldTensor | undefined;
}

async function runSession(
  session: Session,
  pixels: Tensor,
  options: RunOptions,
): Promise<TowerRun> {
  const outputs = await session.run({ image: pixels }, options);
  const values = new Map<string, Float32Array>();
  for (const [name, held] of Object.entries(outputs)) {
    if (name === "image_features") continue;
    values.set(name, (await held.read()).data as Float32Array);
    held.dispose();
  }
  const valuesOf =
    (index: number) =>
    (name: string): Float32Array =>
      rowOf(values, name, index, pixels.dims[0]!);
  return { valuesOf, features: outputs["image_features"] };
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
