// The vision side made of towers: they write what they see as hints, look
// closer at regions, and answer some prompts themselves.

import { FlorenceError, throwIfAborted } from "../../errors.ts";
import type { Box } from "../../geometry.ts";
import { cropImage } from "../../image/crop-image.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Manifest, ReaderSpec, TowerSpec } from "../manifest.ts";
import type { Features, PromptSight, RunOptions } from "../model.ts";
import type { Session } from "../session.ts";
import { createHintWriter } from "../towers/hint-writer.ts";
import { readDetections, type Detection } from "../towers/read-detections.ts";
import { readTags, type Tag } from "../towers/read-tags.ts";
import { readLines, type ReaderSessions } from "../towers/reader.ts";
import {
  linesIn,
  regionOf,
  writeLines,
  writeObjects,
  writeText,
} from "../towers/write-answers.ts";
import { pixelTensor, readFeatures, type Vision } from "./vision.ts";

type TowersSpec = Extract<Manifest["vision"], { kind: "hint_towers" }>;
type DetectorTower = Extract<TowerSpec, { kind: "detector" }>;

/** What towers see of one image. */
interface Seen {
  readonly tags: Tag[];
  /** Down to the lowest score anything is made of. */
  readonly detections: Detection[];
  readonly hinted: Detection[];
  readonly sights: PromptSight[];
}

/**
 * The vision side of towers.
 *
 * @param openReader opens the reader's graphs, once, when a text is first asked
 *   for; null where the model has no reader.
 */
export function createTowers(
  spec: TowersSpec,
  manifest: Manifest,
  tokenizer: Tokenizer,
  sessions: Readonly<Record<string, Session>>,
  openReader: (() => Promise<ReaderSessions>) | null,
): Vision {
  const writer = createHintWriter(tokenizer);
  const inputSize = Math.max(...spec.towers.map((tower) => tower.input.size));
  const kinds = createPromptKinds(spec, tokenizer);

  /** Tags of pictures, by all classifiers. */
  const tagsOf = async (
    images: readonly RgbImage[],
    options: RunOptions,
  ): Promise<Tag[][]> => {
    const tags = images.map((): Tag[] => []);
    for (const tower of spec.towers) {
      if (tower.kind !== "classifier") continue;
      const own = await runTower(tower, images, sessions, options);
      for (const at of images.keys())
        tags[at]!.push(...readTags(tower, own.valuesOf(at)));
    }
    return tags;
  };

  /** Adds what single prompts need to what was seen of an image. */
  const addSights = async (
    image: RgbImage,
    seen: Seen,
    prompts: readonly (readonly number[])[],
    options: RunOptions,
  ): Promise<void> => {
    const regions = prompts.filter((ids) => kinds.kindOf(ids) === "region");
    const boxes = regions.map((ids) => regionOf(ids, image, tokenizer)!);
    const crops = boxes.map((box) =>
      cropImage(image, grown(box, spec.closer ?? 0)),
    );
    const closer = crops.length === 0 ? [] : await tagsOf(crops, options);
    for (const [at, prompt] of regions.entries()) {
      const hintIds = writer.write(closer[at]!, seen.hinted, image);
      seen.sights.push({ prompt, hintIds });
    }
    const texts = prompts.filter((ids) => kinds.readKindOf(ids) !== null);
    if (texts.length === 0 || spec.reader === undefined) return;
    const reader = await openReader!();
    const lines = await readLines(image, spec.reader, reader, options);
    for (const prompt of texts) {
      const kind = kinds.readKindOf(prompt);
      const region = regionOf(prompt, image, tokenizer);
      const own = region === null ? lines : linesIn(lines, region);
      const answer =
        kind === "lines"
          ? writeLines(own, image, tokenizer)
          : writeText(own, tokenizer);
      seen.sights.push({ prompt, answer });
    }
  };

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
      const seen = images.map((): Seen => ({
        tags: [],
        detections: [],
        hinted: [],
        sights: [],
      }));
      let features: readonly Features[] | null = null;
      for (const tower of spec.towers) {
        const ran = await runTower(tower, images, sessions, options);
        if (tower.kind === "classifier" && tower.features) {
          features = await readFeatures(ran.features!, inputSize);
        }
        for (const [at, image] of images.entries()) {
          look(tower, image, ran.valuesOf(at), seen[at]!, tokenizer);
        }
      }
      for (const [at, image] of images.entries()) {
        throwIfAborted(options.signal);
        const prompts = options.prompts?.[at] ?? [];
        await addSights(image, seen[at]!, prompts, options);
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

interface PromptKinds {
  /** What the vision side does for a prompt beyond the image's hints. */
  kindOf(prompt: readonly number[]): "answered" | "read" | "region" | null;
  readKindOf(prompt: readonly number[]): keyof ReaderSpec["answers"] | null;
}

function createPromptKinds(
  { towers, reader, closer }: TowersSpec,
  tokenizer: Tokenizer,
): PromptKinds {
  const keyOf = (ids: readonly number[]): string => ids.join();
  const answered = new Set(
    towers.flatMap((tower) =>
      tower.kind === "detector" && tower.answers !== undefined
        ? [tower.answers.labeled, tower.answers.unlabeled].map((prompt) =>
            keyOf(tokenizer.encode(prompt)),
          )
        : [],
    ),
  );
  const read = new Map(
    reader === undefined
      ? []
      : (["text", "lines"] as const).map(
          (kind) =>
            [keyOf(tokenizer.encode(reader.answers[kind])), kind] as const,
        ),
  );
  const { bos } = tokenizer.special;
  const region =
    reader === undefined
      ? null
      : [bos, ...tokenizer.encodePlain(reader.answers.region)];
  const readKindOf = (
    prompt: readonly number[],
  ): keyof ReaderSpec["answers"] | null => {
    const whole = read.get(keyOf(prompt));
    if (whole !== undefined) return whole;
    const begins = region?.every((id, at) => prompt[at] === id) ?? false;
    return begins ? "region" : null;
  };
  return {
    readKindOf,
    kindOf(prompt) {
      if (answered.has(keyOf(prompt))) return "answered";
      if (readKindOf(prompt) !== null) return "read";
      const places = prompt.filter(
        (id) => tokenizer.locationBin(id) !== undefined,
      );
      return closer !== undefined && places.length === 4 ? "region" : null;
    },
  };
}

/** Adds what one tower says of one image. */
function look(
  tower: TowerSpec,
  image: RgbImage,
  own: (name: string) => Float32Array,
  seen: Seen,
  tokenizer: Tokenizer,
): void {
  if (tower.kind === "classifier") {
    seen.tags.push(...readTags(tower, own));
    return;
  }
  const found = detectionsOf(tower, image, own);
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
  own: (name: string) => Float32Array,
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
  return readDetections(wide, image, (stride) =>
    own(`${tower.output}${stride}`),
  );
}

async function runTower(
  tower: TowerSpec,
  images: readonly RgbImage[],
  sessions: Readonly<Record<string, Session>>,
  options: RunOptions,
) {
  const pixels = pixelTensor(images, tower.input, tower.input.size, options);
  const outputs = await sessions[tower.graph]!.run({ image: pixels }, options);
  const values = new Map<string, Float32Array>();
  for (const [name, held] of Object.entries(outputs)) {
    if (name === "image_features") continue;
    values.set(name, (await held.read()).data as Float32Array);
    held.dispose();
  }
  const valuesOf =
    (index: number) =>
    (name: string): Float32Array =>
      rowOf(values, name, index, images.length);
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

/** A box with a share of its sides added on each. */
function grown(box: Box, share: number): Box {
  const x = share * (box.x_max - box.x_min);
  const y = share * (box.y_max - box.y_min);
  return {
    x_min: box.x_min - x,
    y_min: box.y_min - y,
    x_max: box.x_max + x,
    y_max: box.y_max + y,
  };
}
