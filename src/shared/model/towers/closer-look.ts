// What towers make for single prompts: hints of a region and of things one by
// one, answers that the reader and the outline head give themselves.

import type { Box, ImageSize } from "../../geometry.ts";
import { cropCorners, cropImage } from "../../image/crop-image.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { Tokenizer } from "../../tokenizer/tokenizer.ts";
import type { Manifest, TowerSpec } from "../manifest.ts";
import type { BoxOutline, PromptSight, RunOptions } from "../model.ts";
import type { HintWriter } from "./hint-writer.ts";
import { describeNear, describeRegion } from "./near-hints.ts";
import { outlineOf, type Outline } from "./outline.ts";
import type { KindForm, PromptKinds } from "./prompt-kinds.ts";
import {
  nameRegion,
  readCandidates,
  type Detection,
  type Predictions,
} from "./read-detections.ts";
import { readLines, type ReaderSessions } from "./reader.ts";
import type { Tag } from "./read-tags.ts";
import {
  boxIds,
  linesIn,
  outlineIds,
  regionOf,
  writeLines,
  writeOutline,
  writeText,
} from "./write-answers.ts";

type TowersSpec = Extract<Manifest["vision"], { kind: "hint_towers" }>;
type DetectorTower = Extract<TowerSpec, { kind: "detector" }>;

/** What the classifiers see of one picture. */
export interface Glance {
  readonly tags: readonly Tag[];
  /** Of the outline head, `[side, side]`; null where the model has none. */
  readonly outline: Float32Array | null;
}

/** What was seen of the whole image. */
export interface Seen {
  readonly tags: readonly Tag[];
  readonly hinted: readonly Detection[];
  readonly detector: DetectorTower | null;
  readonly predictionsOf: Predictions;
}

export interface CloserLook {
  readonly spec: TowersSpec;
  readonly tokenizer: Tokenizer;
  readonly writer: HintWriter;
  readonly kinds: PromptKinds;
  /** Runs the classifiers over some pictures at once. */
  glance(
    images: readonly RgbImage[],
    options: RunOptions,
  ): Promise<readonly Glance[]>;
  readonly openReader: (() => Promise<ReaderSessions>) | null;
}

/** Crops of one pass: eight find no room in an isolate of 96 MiB. */
const CROPS_AT_ONCE = 1;

/** What the prompts need beyond the image's hints. */
export async function lookCloser(
  look: CloserLook,
  image: RgbImage,
  seen: Seen,
  prompts: readonly (readonly number[])[],
  options: RunOptions,
): Promise<PromptSight[]> {
  const glances = createGlances(look, image, options);
  return [
    ...(await sightsOfRegions(look, image, seen, prompts, glances)),
    ...(await sightsOfThings(look, image, seen, prompts, glances)),
    ...(await sightsOfText(look, image, prompts, options)),
  ];
}

/** Closer looks at boxes of one image, each box once. */
interface Glances {
  at(boxes: readonly Box[]): Promise<readonly Glance[]>;
  /** The corners of what is looked at. */
  cornersOf(box: Box): Box;
}

function createGlances(
  look: CloserLook,
  image: RgbImage,
  options: RunOptions,
): Glances {
  const { closer = 0 } = look.spec;
  const known = new Map<string, Glance>();
  const keyOf = ({ x_min, y_min, x_max, y_max }: Box): string =>
    [x_min, y_min, x_max, y_max].join();
  return {
    cornersOf: (box) => cropCorners(image, grown(box, closer)),
    async at(boxes) {
      const unseen = new Map(boxes.map((box) => [keyOf(box), box]));
      for (const key of known.keys()) unseen.delete(key);
      const open = [...unseen];
      for (let first = 0; first < open.length; first += CROPS_AT_ONCE) {
        const part = open.slice(first, first + CROPS_AT_ONCE);
        const crops = part.map(([, box]) =>
          cropImage(image, grown(box, closer)),
        );
        const seen = await look.glance(crops, options);
        for (const [index, [key]] of part.entries())
          known.set(key, seen[index]!);
      }
      return boxes.map((box) => known.get(keyOf(box))!);
    },
  };
}

/** Hints, or outlines, of the regions that prompts name. */
async function sightsOfRegions(
  { spec, kinds, tokenizer, writer }: CloserLook,
  image: RgbImage,
  { hinted, detector, predictionsOf }: Seen,
  prompts: readonly (readonly number[])[],
  glances: Glances,
): Promise<PromptSight[]> {
  const asked = prompts.flatMap((prompt) => {
    const kind = kinds.kindOf(prompt);
    const region = regionOf(prompt, image, tokenizer);
    const isOfRegion = kind === "region" || kind === "region_outline";
    return isOfRegion && region !== null ? [{ prompt, kind, region }] : [];
  });
  const seen = await glances.at(asked.map(({ region }) => region));
  return asked.map(({ prompt, kind, region }, at): PromptSight => {
    const glance = seen[at]!;
    if (kind === "region_outline") {
      const outline = outlineIn(glance, region, image, glances);
      return { prompt, answer: writeOutline(outline, tokenizer) };
    }
    const own =
      detector === null || spec.region_labels !== true
        ? []
        : [
            describeRegion(
              region,
              nameRegion(detector, region, image, predictionsOf),
              image,
            ),
          ];
    const boxes = [...own, ...hinted];
    return { prompt, hintIds: writer.write(glance.tags, boxes, image) };
  });
}

/** Hints of single things, and their outlines where a prompt is told them. */
async function sightsOfThings(
  { spec, kinds, tokenizer, writer }: CloserLook,
  image: RgbImage,
  { tags, detector, predictionsOf }: Seen,
  prompts: readonly (readonly number[])[],
  glances: Glances,
): Promise<PromptSight[]> {
  const { near } = spec;
  const asked = new Set(prompts.map((prompt) => kinds.kindOf(prompt)));
  const isPhraseAsked = asked.has("phrase");
  if (!isPhraseAsked && !asked.has("near")) return [];
  if (near === undefined || detector === null) return [];
  const found = readCandidates(detector, near, image, predictionsOf);
  const boxes = found.map(({ box }) => box);
  const seen = await glances.at(
    isPhraseAsked ? boxes : boxes.slice(0, near.closer),
  );
  const tagsOfCrops = seen.slice(0, near.closer).map((glance) => glance.tags);
  const described = describeNear(found, tagsOfCrops, image, near);
  const hintIds = writer.write(tags, described, image);
  const outlines = (): BoxOutline[] =>
    boxes.flatMap((box, at) => {
      const outline = outlineIn(seen[at]!, box, image, glances);
      const ids = outlineIds(outline, tokenizer);
      const own = boxIds(box, image, tokenizer);
      return ids.length === 0 ? [] : [{ box: own, ids }];
    });
  return kinds.nearForms
    .filter(({ kind }) => kind !== "phrase" || isPhraseAsked)
    .map(({ kind, ...form }: KindForm) => ({
      ...form,
      hintIds,
      isForWords: true,
      ...(kind === "phrase" && { outlines: outlines() }),
    }));
}

function outlineIn(
  { outline }: Glance,
  region: Box,
  image: ImageSize,
  glances: Glances,
): Outline {
  if (outline === null) throw new Error("internal: no outline was asked for");
  return outlineOf(outline, glances.cornersOf(region), region, image);
}

/** What the reader answers. */
async function sightsOfText(
  { spec, kinds, tokenizer, openReader }: CloserLook,
  image: RgbImage,
  prompts: readonly (readonly number[])[],
  options: RunOptions,
): Promise<PromptSight[]> {
  const asked = prompts.flatMap((prompt) => {
    const kind = kinds.kindOf(prompt);
    const isOfText =
      kind === "text" || kind === "lines" || kind === "text_region";
    return isOfText ? [{ prompt, kind }] : [];
  });
  if (asked.length === 0 || spec.reader === undefined) return [];
  const reader = await openReader!();
  const lines = await readLines(image, spec.reader, reader, options);
  return asked.map(({ prompt, kind }) => {
    const region = regionOf(prompt, image, tokenizer);
    const own = region === null ? lines : linesIn(lines, region);
    const answer =
      kind === "lines"
        ? writeLines(own, image, tokenizer)
        : writeText(own, tokenizer);
    return { prompt, answer };
  });
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
