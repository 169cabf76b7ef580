// Cut-outs pasted on a background, with the exact outline of what can be seen
// of each.

import type { Box } from "../../shared/geometry.ts";
import { cropImage } from "../../shared/image/crop-image.ts";
import { resizeBicubic } from "../../shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import { outlineMask, type Outline } from "../specialists/outline.ts";
import type { ColorName } from "./color-name.ts";
import { placeCutOut, type CutOut } from "./cut-out.ts";
import type { Random } from "./random.ts";

/** A thing in a scene. */
export interface SceneObject {
  readonly name: string;
  readonly color: ColorName | null;
  /** Of the pixels that can be seen, in pixels of the scene. */
  readonly box: Box;
  readonly polygons: Outline["polygons"];
}

export interface Scene {
  readonly image: RgbImage;
  readonly objects: readonly SceneObject[];
}

/** Longer side of a thing, as a share of the scene's shorter side. */
const SIZES = [0.3, 0.65] as const;

/** At least so much of a thing stays in sight. */
const MIN_VISIBLE = 0.7;

/** Places tried for a thing before it is left out. */
const TRIES = 20;

/** A thing at its place, before others may cover it. */
interface Placed {
  readonly thing: CutOut;
  readonly left: number;
  readonly top: number;
  /** Pixels that are more than half its own. */
  readonly pixels: readonly number[];
}

/**
 * Pastes things on a background, later ones over earlier ones. One that finds
 * no place where all stay in sight is left out.
 *
 * @param background of any size; the scene is cut out of its middle.
 */
export function composeScene(
  background: RgbImage,
  things: readonly CutOut[],
  size: { readonly width: number; readonly height: number },
  random: Random,
): Scene {
  const image = coverWith(background, size);
  const data = Uint8Array.from(image.data);
  // 0: background, n: the n-th placed thing.
  const owner = new Uint8Array(size.width * size.height);
  const placed: Placed[] = [];
  for (const thing of things) {
    const place = findPlace(thing, size, owner, placed, random);
    if (place === null) continue;
    placed.push(place);
    pasteInto(data, owner, place, placed.length, size.width);
  }
  const objects = placed.flatMap(({ thing }, index): SceneObject[] => {
    const outline = visibleOutline(owner, index + 1, size);
    if (outline === null) return [];
    const { name, color } = thing;
    return [{ name, color, box: outline.box, polygons: outline.polygons }];
  });
  return { image: { ...size, data }, objects };
}

/** The background at the scene's size, what sticks out cut off. */
function coverWith(
  background: RgbImage,
  { width, height }: { readonly width: number; readonly height: number },
): RgbImage {
  const ratio = Math.max(width / background.width, height / background.height);
  const large = resizeBicubic(
    background,
    Math.max(width, Math.round(background.width * ratio)),
    Math.max(height, Math.round(background.height * ratio)),
  );
  const left = Math.floor((large.width - width) / 2);
  const top = Math.floor((large.height - height) / 2);
  return cropImage(large, {
    x_min: left,
    y_min: top,
    x_max: left + width,
    y_max: top + height,
  });
}

function findPlace(
  cutOut: CutOut,
  size: { readonly width: number; readonly height: number },
  owner: Uint8Array,
  placed: readonly Placed[],
  random: Random,
): Placed | null {
  const shortSide = Math.min(size.width, size.height);
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const longSide = random.between(...SIZES) * shortSide;
    const thing = placeCutOut(cutOut, longSide, random.chance(0.5));
    const left = random.whole(0, size.width - thing.image.width);
    const top = random.whole(0, size.height - thing.image.height);
    const pixels = pixelsOf(thing, left, top, size.width);
    if (pixels.length > 0 && leavesInSight(pixels, owner, placed))
      return { thing, left, top, pixels };
  }
  return null;
}

function pixelsOf(
  { mask }: CutOut,
  left: number,
  top: number,
  sceneWidth: number,
): number[] {
  const pixels: number[] = [];
  for (const [at, covered] of mask.data.entries()) {
    if (covered < 0.5) continue;
    const x = left + (at % mask.width);
    const y = top + Math.floor(at / mask.width);
    pixels.push(y * sceneWidth + x);
  }
  return pixels;
}

function leavesInSight(
  pixels: readonly number[],
  owner: Uint8Array,
  placed: readonly Placed[],
): boolean {
  const covers = new Uint8Array(owner.length);
  for (const at of pixels) covers[at] = 1;
  return placed.every(({ pixels: own }, index) => {
    let visible = 0;
    for (const at of own)
      visible += Number(owner[at] === index + 1 && covers[at] === 0);
    return visible >= MIN_VISIBLE * own.length;
  });
}

function pasteInto(
  data: Uint8Array,
  owner: Uint8Array,
  { thing, left, top }: Placed,
  number: number,
  sceneWidth: number,
): void {
  const { image, mask } = thing;
  for (const [from, alpha] of mask.data.entries()) {
    if (alpha === 0) continue;
    const x = left + (from % mask.width);
    const y = top + Math.floor(from / mask.width);
    const to = y * sceneWidth + x;
    for (let channel = 0; channel < 3; channel += 1) {
      const over = image.data[from * 3 + channel]!;
      const under = data[to * 3 + channel]!;
      data[to * 3 + channel] = Math.round(under + (over - under) * alpha);
    }
    if (alpha >= 0.5) owner[to] = number;
  }
}

function visibleOutline(
  owner: Uint8Array,
  number: number,
  { width, height }: { readonly width: number; readonly height: number },
): Outline | null {
  const data = Float32Array.from(owner, (own) => Number(own === number));
  return outlineMask({ width, height, data }, { minArea: 12, tolerance: 0.75 });
}
