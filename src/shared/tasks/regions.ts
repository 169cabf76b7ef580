// The caller's regions: checked against the image, and written as tokens.

import { FlorenceError, type FieldError } from "../errors.ts";
import { quantize, type ImageSize } from "../geometry.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Region } from "./request-fields.ts";
import type { PromptContext, PromptPart } from "./task.ts";

/**
 * One prompt per region: the text before it, its four location tokens, and the
 * text after.
 *
 * @throws FlorenceError `region_out_of_bounds` naming every faulty region.
 */
export function regionPrompts(
  regions: readonly Region[],
  context: PromptContext,
  before: string,
  after: string,
): (readonly PromptPart[])[] {
  checkRegions(regions, context);
  return regions.map((region) => [
    before,
    ...locationTokens(region.box, context),
    ...(after === "" ? [] : [after]),
  ]);
}

/** The id of a region: the caller's, or `r0`, `r1`, … */
export function regionId(region: Region, index: number): string {
  return region.id ?? `r${index}`;
}

function locationTokens(
  box: Region["box"],
  { tokenizer, scale }: { tokenizer: Tokenizer; scale: ImageSize },
): PromptPart[] {
  const bins = [
    quantize(box.x_min, scale.width),
    quantize(box.y_min, scale.height),
    quantize(box.x_max, scale.width),
    quantize(box.y_max, scale.height),
  ];
  return bins.map((bin) => ({ token: tokenizer.special.firstLocation + bin }));
}

function checkRegions(
  regions: readonly Region[],
  { scale, pointer = "" }: PromptContext,
): void {
  const errors = regions.flatMap(({ box }, index): FieldError[] => {
    const detail = fault(box, scale);
    return detail === null
      ? []
      : [{ pointer: `${pointer}/regions/${index}/box`, detail }];
  });
  const first = errors[0];
  if (first === undefined) return;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  throw new FlorenceError(
    "region_out_of_bounds",
    `The box at ${first.pointer} ${first.detail}${more}. Boxes are in the unit of options.coordinates; this image is ${scale.width} by ${scale.height} in it.`,
    { errors },
  );
}

function fault(box: Region["box"], scale: ImageSize): string | null {
  const { x_min, y_min, x_max, y_max } = box;
  if (![x_min, y_min, x_max, y_max].every(Number.isFinite))
    return "has a corner that is not a finite number";
  if (x_min >= x_max) return `has x_min ${x_min} at or beyond x_max ${x_max}`;
  if (y_min >= y_max) return `has y_min ${y_min} at or beyond y_max ${y_max}`;
  if (x_min < 0 || x_max > scale.width)
    return `spans ${x_min} to ${x_max} in x, outside the image`;
  if (y_min < 0 || y_max > scale.height)
    return `spans ${y_min} to ${y_max} in y, outside the image`;
  return null;
}
