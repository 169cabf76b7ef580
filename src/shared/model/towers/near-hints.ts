// The closer look: what stands where, for prompts that ask for things by
// words, and what a region is, for prompts that name one. A candidate is
// written as the detector's name for it, names and a color of its crop, then
// where it stands, in words that people use to tell things apart.
// Source: `training/near.py`.

import { boxArea, type Box, type ImageSize } from "../../geometry.ts";
import type { NearSpec } from "../manifest.ts";
import type { Detection } from "./read-detections.ts";
import type { Tag } from "./read-tags.ts";

/** A detector's score from which its label is believed before other names. */
const SURE = 0.5;

/**
 * The boxes among the hints of a prompt that asks by words; a label is the
 * candidate's whole text.
 *
 * @param found candidates, best first.
 * @param tagsOfCrops of the first of them, best first.
 */
export function describeNear(
  found: readonly Detection[],
  tagsOfCrops: readonly (readonly Tag[])[],
  image: ImageSize,
  rules: NearSpec,
): Detection[] {
  const things = found.map(({ label, score, box }, at): Thing => ({
    ...cropWords(tagsOfCrops[at] ?? [], label, rules),
    ...{ label, score, place: fractionsOf(box, image) },
  }));
  return things.map((thing, at) => {
    const { label, names, color, place } = thing;
    const others = alike(things, thing).map((other) => other.place);
    const words = [
      ...[label, ...names, ...color],
      ...[...placeWords(place), ...rankWords(place, others)],
    ];
    // Spaced as the words of a prompt are, so that both have the same tokens.
    return { ...found[at]!, label: ` ${words.join(" ")}` };
  });
}

/** A candidate and what the classifier says of its crop. */
interface Thing {
  readonly label: string;
  readonly score: number;
  readonly names: readonly string[];
  /** One or none. */
  readonly color: readonly string[];
  /** Corners in fractions, cut to the image. */
  readonly place: Box;
}

/**
 * What a thing is to be told from: those of its label that are at least a
 * quarter as sure as its best; or, where the detector is not sure or saw its
 * label only here, those that the classifier has a name for too.
 */
function alike(things: readonly Thing[], thing: Thing): Thing[] {
  const named = things.filter(
    (other) =>
      other !== thing && other.names.some((name) => thing.names.includes(name)),
  );
  const same = things.filter(({ label }) => label === thing.label);
  const surest = Math.max(...same.map(({ score }) => score));
  const labeled = same.filter(
    (other) => other !== thing && other.score >= surest / 4,
  );
  const isUnsure = thing.score < SURE || labeled.length === 0;
  return named.length > 0 && isUnsure ? named : labeled;
}

/** A region as the first of the boxes among the hints of its prompt. */
export function describeRegion(
  region: Box,
  { label, score }: Omit<Detection, "box">,
  image: ImageSize,
): Detection {
  const words = [label, ...placeWords(fractionsOf(region, image))];
  return { label: words.join(" "), score, box: region };
}

/** Names other than the label, and a color if there is one. */
function cropWords(
  tags: readonly Tag[],
  label: string,
  rules: NearSpec,
): Pick<Thing, "names" | "color"> {
  const { colors, skip } = rules;
  const names = tags
    .filter(({ score }) => score >= rules.name_score)
    .map(({ name }) => name)
    .filter((n) => !colors.includes(n) && !skip.includes(n) && n !== label);
  const color = tags.find(({ name }) => colors.includes(name));
  return {
    names: names.slice(0, rules.names),
    color: color ? [color.name] : [],
  };
}

/** Where a box stands in the picture: corners in fractions. */
function placeWords(box: Box): string[] {
  if (boxArea(box) > 0.55) return [];
  const [x, y] = middleOf(box);
  const level = y < 0.3 ? ["top"] : y > 0.7 ? ["bottom"] : [];
  const side = x < 0.36 ? ["left"] : x > 0.64 ? ["right"] : [];
  const words = [...level, ...side];
  return words.length > 0 ? words : ["middle"];
}

/** What tells a box from others of its label: corners in fractions. */
function rankWords(box: Box, others: readonly Box[]): string[] {
  if (others.length === 0) return [];
  const words: string[] = [];
  const [x, y] = middleOf(box);
  const xs = others.map((other) => middleOf(other)[0]);
  const ys = others.map((other) => middleOf(other)[1]);
  if (x < Math.min(...xs) - 0.04) words.push("leftmost");
  else if (x > Math.max(...xs) + 0.04) words.push("rightmost");
  else if (xs.length === 2 && Math.min(...xs) < x && x < Math.max(...xs))
    words.push("center");
  if (y < Math.min(...ys) - 0.06) words.push("highest");
  else if (y > Math.max(...ys) + 0.06) words.push("lowest");
  const area = boxArea(box);
  const areas = others.map(boxArea);
  if (area > 1.3 * Math.max(...areas)) words.push("largest");
  else if (1.3 * area < Math.min(...areas)) words.push("smallest");
  return words;
}

function middleOf(box: Box): [number, number] {
  return [(box.x_min + box.x_max) / 2, (box.y_min + box.y_max) / 2];
}

/** A box in fractions of the image, cut to it. */
function fractionsOf(box: Box, { width, height }: ImageSize): Box {
  const within = (value: number): number => Math.min(1, Math.max(0, value));
  return {
    x_min: within(box.x_min / width),
    y_min: within(box.y_min / height),
    x_max: within(box.x_max / width),
    y_max: within(box.y_max / height),
  };
}
