// Attention between the channels of a group over all pixels, as DaViT has it.
// Scores are added up over bands of the image, then bands of values are mixed,
// so that no tensor of the whole image but the input need exist.

import { f32Product } from "./f32-product";
import { f32Tile, TILE_ROWS } from "./f32-tile";

/** Pixels at a time: their queries and keys of a group stay near. */
const BLOCK: i32 = 256;

/** Bytes of scratch of both steps; `width` of one group. */
export function channelAttentionScratch(width: i32): i32 {
  const wide = widened(width);
  const scoring = 4 * BLOCK * (TILE_ROWS + wide);
  const mixing = 4 * wide * (width + 1);
  return max(scoring, mixing);
}

/** A width rounded up to whole panels of 8. */
function widened(width: i32): i32 {
  return (width + 7) & ~7;
}

/**
 * scores += q kT of each group, over some pixels.
 *
 * @param q `[rows, groups * width]` f32, `stride` bytes from row to row; `k` of
 *   the same shape and stride; width a multiple of 4. Past the last of k 16
 *   bytes may be read.
 * @param scores `[groups, width, wide]` f32, wide being width rounded up to 8:
 *   zeros before the first band; what is past width means nothing.
 * @param scratch `channelAttentionScratch(width)` bytes.
 */
export function channelScores(
  q: usize,
  k: usize,
  stride: usize,
  rows: i32,
  groups: i32,
  width: i32,
  scores: usize,
  scratch: usize,
): void {
  const line: usize = (<usize>width) << 2;
  const wideLine: usize = (<usize>widened(width)) << 2;
  const panels = scratch; // [wide / 8, BLOCK, 8]
  const columns = scratch + wideLine * BLOCK; // [4, BLOCK]
  for (let row = 0; row < rows; row += BLOCK) {
    const count = min(BLOCK, rows - row);
    const deep = (count + 3) & ~3;
    for (let group = 0; group < groups; group++) {
      const at = stride * row + line * group;
      packPanels(k + at, stride, count, deep, wideLine, panels);
      for (let channel = 0; channel < width; channel += TILE_ROWS) {
        const from = q + at + ((<usize>channel) << 2);
        packColumns(from, stride, count, deep, columns);
        const to = scores + wideLine * (group * width + channel);
        for (let panel: usize = 0; panel < wideLine; panel += 32) {
          f32Tile(
            columns,
            (<usize>deep) << 2,
            panels + panel * deep,
            deep,
            to + panel,
            wideLine,
            TILE_ROWS,
            to + panel,
            wideLine,
          );
        }
      }
    }
  }
}

/**
 * y = a v for each group, over some pixels.
 *
 * @param v `[rows, groups * width]` f32, `strideV` bytes from row to row.
 * @param a `[groups, width, wide]` f32: the softmax of the scores.
 * @param y `[rows, groups * width]` f32, `strideY` bytes from row to row: room
 *   for the last group's width rounded up to 8.
 * @param scratch `channelAttentionScratch(width)` bytes.
 */
export function channelMix(
  v: usize,
  strideV: usize,
  rows: i32,
  groups: i32,
  width: i32,
  a: usize,
  y: usize,
  strideY: usize,
  scratch: usize,
): void {
  const line: usize = (<usize>width) << 2;
  const wide = widened(width);
  const wideLine: usize = (<usize>wide) << 2;
  const panels = scratch; // [wide / 8, width, 8]
  const zeros = panels + wideLine * width;
  memory.fill(zeros, 0, wideLine);
  for (let group = 0; group < groups; group++) {
    transpose(a + wideLine * (group * width), width, wide, panels);
    f32Product(
      v + line * group,
      strideV,
      rows,
      width,
      wide,
      panels,
      zeros,
      y + line * group,
      strideY,
    );
  }
}

/**
 * `[rows, width]` becomes `[wide / 8, deep, 8]`, with what stands beside it and
 * zeros past the last row.
 */
function packPanels(
  x: usize,
  stride: usize,
  rows: i32,
  deep: i32,
  wideLine: usize,
  to: usize,
): void {
  const rest: usize = (<usize>(deep - rows)) << 5;
  for (let at: usize = 0; at < wideLine; at += 32) {
    let from = x + at;
    for (let row = 0; row < rows; row++) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += stride;
      to += 32;
    }
    memory.fill(to, 0, rest);
    to += rest;
  }
}

/** 4 columns of `[rows, ...]` become `[4, deep]`; the last rows repeat. */
function packColumns(
  x: usize,
  stride: usize,
  rows: i32,
  deep: i32,
  to: usize,
): void {
  const last = x + stride * (rows - 1);
  const line: usize = (<usize>deep) << 2;
  for (const end = to + line; to < end; to += 16) {
    const a = v128.load(min(x, last));
    const b = v128.load(min(x + stride, last));
    const c = v128.load(min(x + stride * 2, last));
    const d = v128.load(min(x + stride * 3, last));
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const ef = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const gh = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(to, i64x2.shuffle(ab, cd, 0, 2));
    v128.store(to + line, i64x2.shuffle(ab, cd, 1, 3));
    v128.store(to + line * 2, i64x2.shuffle(ef, gh, 0, 2));
    v128.store(to + line * 3, i64x2.shuffle(ef, gh, 1, 3));
    x += stride << 2;
  }
}

/** `a` `[i, wide]` becomes `[i / 8, j, 8]`, zeros past the last i. */
function transpose(a: usize, width: i32, wide: i32, to: usize): void {
  for (let i = 0; i < wide; i += 8) {
    for (let j = 0; j < width; j++) {
      for (let lane = i; lane < i + 8; lane++) {
        const from = a + ((<usize>(lane * wide + j)) << 2);
        store<f32>(to, lane < width ? load<f32>(from) : 0);
        to += 4;
      }
    }
  }
}
