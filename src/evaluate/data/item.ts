// One photo and what people said of it: the shape every data set is read into.

import type { Box, ImageSize, Point } from "../../shared/geometry.ts";
import type { Mask } from "../metrics/masks.ts";
import { rasterizePolygons } from "../metrics/rasterize-polygon.ts";
import type { TrueTextLine } from "../metrics/text-spotting.ts";

/** An object's outline: rings of x, y, x, y, … in pixels, or a mask. */
export type Outline =
  { readonly rings: readonly (readonly number[])[] } | { readonly mask: Mask };

/** An object with its category. Coordinates are pixels of the upright photo. */
export interface TrueThing {
  readonly label: string;
  readonly box: Box;
  readonly outline: Outline | null;
  /** In square pixels as the data set counts it; null: that of the box. */
  readonly area: number | null;
  /** Stands for many of its kind. */
  readonly isCrowd: boolean;
}

/** A phrase of a caption and the objects it speaks of. */
export interface TruePhrase {
  readonly phrase: string;
  /** Where it stands in the caption: from and to in UTF-16 units. */
  readonly span: readonly [number, number];
  readonly boxes: readonly Box[];
}

/** A caption whose phrases are known. */
export interface GroundedCaption {
  readonly caption: string;
  readonly phrases: readonly TruePhrase[];
}

/** A phrase that names one object. */
export interface ReferringExpression {
  readonly phrase: string;
  readonly box: Box;
  readonly outline: Outline | null;
}

export interface Question {
  readonly question: string;
  /** What people answered; none in test sets. */
  readonly answers: readonly string[];
}

/** What is known of one photo; null and `[]` differ: not told, and none. */
export interface EvaluationItem {
  /** Unique in the data set. */
  readonly id: string;
  /** File below the folder of photos; the ending may be missing. */
  readonly image: string;
  /** Size the coordinates are meant for; null if the data set does not say. */
  readonly size: ImageSize | null;
  readonly captions: readonly string[];
  readonly objects: readonly TrueThing[] | null;
  /** Categories whose objects are all in `objects`; null: all of the data set. */
  readonly categories: readonly string[] | null;
  readonly groundedCaptions: readonly GroundedCaption[];
  readonly referring: readonly ReferringExpression[];
  readonly questions: readonly Question[];
  readonly lines: readonly TrueTextLine[] | null;
}

/** An item about which nothing is known yet. */
export function blankItem(
  id: string,
  image: string,
  size: ImageSize | null,
): EvaluationItem {
  return {
    ...{ id, image, size, captions: [], objects: null, categories: null },
    ...{ groundedCaptions: [], referring: [], questions: [], lines: null },
  };
}

/** The pixels of an outline in a photo of a size. */
export function maskOfOutline(outline: Outline, size: ImageSize): Mask {
  if ("mask" in outline) return outline.mask;
  return rasterizePolygons(outline.rings, size.width, size.height);
}

/** Rings of points as rings of numbers. */
export function flatRings(
  rings: readonly (readonly Point[])[],
): readonly (readonly number[])[] {
  return rings.map((ring) => ring.flatMap(([x, y]) => [x, y]));
}
