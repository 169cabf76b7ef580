// The closer look: what stands where, for prompts that ask for things by
// words, and what a region is, for prompts that name one. A candidate is
// written as the detector's name for it, names and a color of its crop, then
// where it stands, in words that people use to tell things apart.
// Source: `training/near.py`.

import { boxArea, type Box, type ImageSize } from "../../geometry.ts";
import type { NearSpec } from "../manifest.ts";
import type { Detection } from "./read-detections.ts";
import type { Tag } from "./read-tags.ts";

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
  const places = found.map(({ box }) => fractionsOf(box, image));
  return found.map(({ label, score, box }, at) => {
    const tags = tagsOfCrops[at];
    const seen = tags === undefined ? [] : cropWords(tags, label, rules);
    const surest = Math.max(
      ...found.filter((other) => other.label === label).map((it) => it.score),
    );
    const others = [...found.keys()].filter(
      (index) =>
        index !== at &&
        found[index]!.label === label &&
        found[index]!.score >= surest / 4,
    );
    const place = places[at]!;
    const words = [
      label,
      ...seen,
      ...placeWords(place),
      ...rankWords(
        place,
        others.map((index) => places[index]!),
      ),
    ];
    return { label: words.join(" "), score, box };
  });
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

/** Names other than the label, then a color if there is one. */
function cropWords(
  tags: readonly Tag[],
  label: string,
  { colors, skip, names }: NearSpec,
): string[] {
  const known = tags
    .map(({ name }) => name)
    .filter((n) => !colors.includes(n) && !skip.includes(n) && n !== label);
  const color = tags.find(({ name }) => colors.includes(name));
  return [...known.slice(0, names), ...(color ? [color.name] : [])];
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
