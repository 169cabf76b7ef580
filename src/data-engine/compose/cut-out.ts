// Things cut out of photos along their outlines.

import type { ImageCodecs } from "../../shared/image/decode-image.ts";
import { cropImage } from "../../shared/image/crop-image.ts";
import { resizeBicubic } from "../../shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import { comparableName } from "../language/same-name.ts";
import { readPhoto } from "../annotate/read-photo.ts";
import { isSeen, type PhotoRecord, type Region } from "../records/record.ts";
import type { Mask } from "../specialists/outline.ts";
import { flipImage } from "../specialists/views.ts";
import { colorOf, type ColorName } from "./color-name.ts";
import { fillPolygons } from "./fill-polygons.ts";

/** Where a cut-out comes from. */
export interface CutOutSource {
  readonly path: string;
  readonly name: string;
  readonly region: Region;
}

/** A thing without its background. */
export interface CutOut {
  readonly name: string;
  readonly color: ColorName | null;
  readonly image: RgbImage;
  /** Of the same size. */
  readonly mask: Mask;
}

/** Smaller things, in pixels of the longer side, look bad when pasted. */
const MIN_SIDE = 48;

/** What touches the photo's edge, in pixels, is cut off there. */
const MARGIN = 2;

/**
 * Objects with an outline that are whole and large enough.
 *
 * @param records of `filter` or `refine`; dropped photos give nothing.
 */
export function listCutOuts(records: readonly PhotoRecord[]): CutOutSource[] {
  return records.flatMap((record) => {
    if (!isSeen(record) || record.dropped !== undefined) return [];
    const { path, width, height } = record.photo;
    return record.annotations.flatMap((annotation): CutOutSource[] => {
      if (annotation.kind !== "region_text" || annotation.about !== "object")
        return [];
      const { region, text: name } = annotation;
      const { x_min, y_min, x_max, y_max } = region.box;
      const isWhole =
        x_min >= MARGIN &&
        y_min >= MARGIN &&
        x_max <= width - MARGIN &&
        y_max <= height - MARGIN;
      const side = Math.max(x_max - x_min, y_max - y_min);
      const isFit =
        isWhole && side >= MIN_SIDE && (region.polygons ?? []).length > 0;
      return isFit ? [{ path, name, region }] : [];
    });
  });
}

/**
 * Cuts a thing out.
 *
 * @throws FlorenceError what `readPhoto` throws.
 */
export async function cutOut(
  folder: string,
  { path, name, region }: CutOutSource,
  codecs: ImageCodecs,
): Promise<CutOut> {
  const { image } = await readPhoto(folder, path, codecs);
  const crop = cropImage(image, region.box);
  const left = Math.floor(region.box.x_min);
  const top = Math.floor(region.box.y_min);
  const polygons = (region.polygons ?? []).map((ring) =>
    ring.map(([x, y]): [number, number] => [x - left, y - top]),
  );
  const mask = fillPolygons(polygons, crop.width, crop.height);
  // Of a person the color of clothes would be told as that of the person.
  const isPerson = comparableName(name) === "person";
  const color = isPerson ? null : colorOf(pixelsIn(crop, mask));
  return { name, color, image: crop, mask };
}

/** The thing at another size, flipped or not. */
export function placeCutOut(
  { name, color, image, mask }: CutOut,
  longSide: number,
  isFlipped: boolean,
): CutOut {
  const ratio = longSide / Math.max(image.width, image.height);
  const width = Math.max(1, Math.round(image.width * ratio));
  const height = Math.max(1, Math.round(image.height * ratio));
  const resized = resizeBicubic(image, width, height);
  // The resize takes pictures: the mask goes through as a grey one.
  const grey = resizeBicubic(greyOf(mask), width, height);
  const turn = (picture: RgbImage): RgbImage =>
    isFlipped ? flipImage(picture) : picture;
  return { name, color, image: turn(resized), mask: maskOf(turn(grey)) };
}

function greyOf({ width, height, data: mask }: Mask): RgbImage {
  const data = new Uint8Array(mask.length * 3);
  for (let at = 0; at < mask.length; at += 1)
    data.fill(Math.round(mask[at]! * 255), at * 3, at * 3 + 3);
  return { width, height, data };
}

function maskOf({ width, height, data: grey }: RgbImage): Mask {
  const data = new Float32Array(width * height);
  for (let at = 0; at < data.length; at += 1) data[at] = grey[at * 3]! / 255;
  return { width, height, data };
}

function pixelsIn(
  { data }: RgbImage,
  mask: Mask,
): (readonly [number, number, number])[] {
  const pixels: [number, number, number][] = [];
  for (const [at, covered] of mask.data.entries()) {
    if (covered > 0.5)
      pixels.push([data[at * 3]!, data[at * 3 + 1]!, data[at * 3 + 2]!]);
  }
  return pixels;
}
