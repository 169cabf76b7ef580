// Attention between the channels of a group over all pixels, as DaViT has it.
// Scores are added up over bands of the image, then bands of values are mixed,
// so that no tensor of the whole image but the input need exist.

import { f32Product, f32Scratch } from "./f32-product";
import { f32Tile, TILE_ROWS } from "./f32-tile";

/** Pixels at a time: their queries and keys of a group stay near. */
const BLOCK: i32 = 256;

/** Bytes of scratch of both steps; `width` of one group. */
export function channelAttentionScratch(width: i32): i32 {
  const scoring = 4 * BLOCK * (TILE_ROWS + width);
  const mixing = 4 * width * (width + 1) + f32Scratch(width);
  return max(scoring, mixing);
}

/**
 * scores += q kT of each group, over some pixels.
 *
 * @param q `[rows, groups * width]` f32, `stride` bytes from row to row; `k` of
 *   the same shape and stride; width a multiple of 8.
 * @param scores `[groups, width, width]` f32: zeros before the first band.
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
  const panels = scratch; // [width / 8, BLOCK, 8]
  const tile = scratch + line * BLOCK; // [BLOCK, 6]
  for (let row = 0; row < rows; row += BLOCK) {
    const count = min(BLOCK, rows - row);
    for (let group = 0; group < groups; group++) {
      const at = stride * row + line * group;
      packPanels(k + at, stride, count, width, panels);
      for (let channel = 0; channel < width; channel += TILE_ROWS) {
        const channels = min(TILE_ROWS, width - channel);
        const from = q + at + ((<usize>channel) << 2);
        packColumns(from, stride, count, channels, tile);
        const to = scores + line * (group * width + channel);
        for (let panel: usize = 0; panel < line; panel += 32) {
          f32Tile(
            tile,
            panels + panel * count,
            count,
            to + panel,
            line,
            channels,
            to + panel,
            line,
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
 * @param a `[groups, width, width]` f32: the softmax of the scores.
 * @param y `[rows, groups * width]` f32, `strideY` bytes from row to row.
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
  const panels = scratch; // [width / 8, width, 8]
  const zeros = panels + line * width;
  const rest = zeros + line;
  memory.fill(zeros, 0, line);
  for (let group = 0; group < groups; group++) {
    transpose(a + line * (group * width), width, panels);
    f32Product(
      v + line * group,
      strideV,
      rows,
      width,
      width,
      panels,
      zeros,
      y + line * group,
      strideY,
      rest,
    );
  }
}

/** `[rows, width]` becomes `[width / 8, rows, 8]`. */
function packPanels(
  x: usize,
  stride: usize,
  rows: i32,
  width: i32,
  to: usize,
): void {
  for (let at: usize = 0; at < (<usize>width) << 2; at += 32) {
    let from = x + at;
    for (let row = 0; row < rows; row++) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      from += stride;
      to += 32;
    }
  }
}

/** 2, 4 or 6 columns of `[rows, ...]` become `[rows, 6]`. */
function packColumns(
  x: usize,
  stride: usize,
  rows: i32,
  columns: i32,
  to: usize,
): void {
  for (let row = 0; row < rows; row++) {
    if (columns == 2) {
      store<i64>(to, load<i64>(x));
    } else {
      v128.store(to, v128.load(x));
      if (columns == TILE_ROWS) store<i64>(to, load<i64>(x, 16), 16);
    }
    x += stride;
    to += 24;
  }
}

/** `a` `[i, j]` becomes `[i / 8, j, 8]`. */
function transpose(a: usize, width: i32, to: usize): void {
  for (let i = 0; i < width; i += 8) {
    for (let j = 0; j < width; j++) {
      for (let lane = 0; lane < 8; lane++) {
        const from = a + ((<usize>((i + lane) * width + j)) << 2);
        store<f32>(to, load<f32>(from));
        to += 4;
      }
    }
  }
}
