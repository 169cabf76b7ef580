// The parts of an image that are looked at: the whole of it, tiles of it.

import type { Box, ImageSize } from "../geometry.ts";
import { cropImage } from "../image/crop-image.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { planTiles, type TilePlan } from "./plan-tiles.ts";

/** One part, and where it lies. */
export interface View {
  /** Number of the tile; null for the whole image. */
  readonly tile: number | null;
  /** In whole pixels of what was decoded. */
  readonly pixels: Box;
  /** In the unit of the results. */
  readonly box: Box;
  /** Sides in pixels of the image as sent. */
  readonly size: ImageSize;
  /** Sides in the unit of the results. */
  readonly scale: ImageSize;
}

/** The whole image as one view. */
export function wholeView(size: ImageSize, scale: ImageSize): View {
  const boxOf = ({ width, height }: ImageSize): Box => ({
    x_min: 0,
    y_min: 0,
    x_max: width,
    y_max: height,
  });
  return { tile: null, pixels: boxOf(size), box: boxOf(scale), size, scale };
}

/**
 * Tiles of an image; none where one would be all of it.
 *
 * @param decoded sides of what was decoded; smaller than `size` if scaled.
 */
export function tileViews(
  decoded: ImageSize,
  size: ImageSize,
  scale: ImageSize,
  plan: TilePlan,
): readonly View[] {
  const tiles = planTiles(decoded, plan);
  if (tiles.length === 1) return [];
  const [unitX, unitY] = [
    scale.width / decoded.width,
    scale.height / decoded.height,
  ];
  return tiles.map((pixels, tile): View => {
    const width = pixels.x_max - pixels.x_min;
    const height = pixels.y_max - pixels.y_min;
    return {
      tile,
      pixels,
      box: {
        x_min: pixels.x_min * unitX,
        y_min: pixels.y_min * unitY,
        x_max: pixels.x_max * unitX,
        y_max: pixels.y_max * unitY,
      },
      size: {
        width: (width * size.width) / decoded.width,
        height: (height * size.height) / decoded.height,
      },
      scale: { width: width * unitX, height: height * unitY },
    };
  });
}

/** What a view shows: the image itself, or a copy of a part. */
export function imageOf({ tile, pixels }: View, image: RgbImage): RgbImage {
  return tile === null ? image : cropImage(image, pixels);
}
