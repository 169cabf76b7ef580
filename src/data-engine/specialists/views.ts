// Other looks at one photo: a model that sees the same in all of them can be
// believed more.

import { boxArea, type Box } from "../../shared/geometry.ts";
import { cropImage } from "../../shared/image/crop-image.ts";
import { resizeBicubic } from "../../shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";

/** One look at a photo. */
export interface View {
  readonly name: "whole" | "flipped" | "smaller" | "larger";
  readonly image: RgbImage;
  /** A box of the view in pixels of the photo. */
  toPhoto(box: Box): Box;
  /** Whether the view shows enough of a box of the photo to find it. */
  shows(box: Box): boolean;
}

/** Side of the smaller photo, and of the part the larger view shows. */
const SHARE = 0.75;

/** Grey around the smaller photo. */
const PAD = 114;

/** A view that shows less of a box cannot be blamed for missing it. */
const ENOUGH = 0.7;

/** The photo as it is. */
export function wholeView(image: RgbImage): View {
  return {
    name: "whole",
    image,
    toPhoto: (box) => box,
    shows: () => true,
  };
}

/** The photo flipped, at three quarters of its size, and its middle. */
export function otherViews(image: RgbImage): View[] {
  return [flippedView(image), smallerView(image), largerView(image)];
}

function flippedView(image: RgbImage): View {
  return {
    name: "flipped",
    image: flipImage(image),
    toPhoto: ({ x_min, y_min, x_max, y_max }) => ({
      x_min: image.width - x_max,
      y_min,
      x_max: image.width - x_min,
      y_max,
    }),
    shows: () => true,
  };
}

/** The photo on a grey ground of its own size. */
function smallerView(image: RgbImage): View {
  const width = Math.max(1, Math.round(image.width * SHARE));
  const height = Math.max(1, Math.round(image.height * SHARE));
  const small = resizeBicubic(image, width, height);
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  const data = new Uint8Array(image.data.length).fill(PAD);
  for (let row = 0; row < height; row += 1) {
    const to = ((top + row) * image.width + left) * 3;
    data.set(small.data.subarray(row * width * 3, (row + 1) * width * 3), to);
  }
  const scaleX = image.width / width;
  const scaleY = image.height / height;
  return {
    name: "smaller",
    image: { width: image.width, height: image.height, data },
    toPhoto: (box) => ({
      x_min: (box.x_min - left) * scaleX,
      y_min: (box.y_min - top) * scaleY,
      x_max: (box.x_max - left) * scaleX,
      y_max: (box.y_max - top) * scaleY,
    }),
    shows: () => true,
  };
}

/** The middle of the photo, at its own size: things look larger to the model. */
function largerView(image: RgbImage): View {
  const width = Math.max(1, Math.round(image.width * SHARE));
  const height = Math.max(1, Math.round(image.height * SHARE));
  const left = Math.floor((image.width - width) / 2);
  const top = Math.floor((image.height - height) / 2);
  const part = {
    x_min: left,
    y_min: top,
    x_max: left + width,
    y_max: top + height,
  };
  return {
    name: "larger",
    image: cropImage(image, part),
    toPhoto: (box) => ({
      x_min: box.x_min + left,
      y_min: box.y_min + top,
      x_max: box.x_max + left,
      y_max: box.y_max + top,
    }),
    shows: (box) =>
      boxArea(overlap(box, part)) >= ENOUGH * Math.max(1, boxArea(box)),
  };
}

function overlap(a: Box, b: Box): Box {
  return {
    x_min: Math.max(a.x_min, b.x_min),
    y_min: Math.max(a.y_min, b.y_min),
    x_max: Math.min(a.x_max, b.x_max),
    y_max: Math.min(a.y_max, b.y_max),
  };
}

/** The picture mirrored left to right. */
export function flipImage({ width, height, data }: RgbImage): RgbImage {
  const flipped = new Uint8Array(data.length); // [height, width, 3]
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const from = (y * width + x) * 3;
      const to = (y * width + (width - 1 - x)) * 3;
      flipped[to] = data[from]!;
      flipped[to + 1] = data[from + 1]!;
      flipped[to + 2] = data[from + 2]!;
    }
  }
  return { width, height, data: flipped };
}
