// Attention of many rows to many keys, head by head, without a mask: what the
// encoder does, and each window of the vision tower.

import { expScratch, prepareExp } from "./exp";
import { f32Tile, TILE_ROWS } from "./f32-tile";
import { softmaxRow } from "./softmax";

/** Bytes of scratch; `width` of one head. */
export function attentionScratch(keys: i32, width: i32): i32 {
  const wide = (keys + 7) & ~7;
  const perKey = 2 * width + TILE_ROWS; // K, V, scores
  return 32 + expScratch() + 4 * wide * perKey;
}

/**
 * y = softmax(scale * q kT) v for each head.
 *
 * @param q `[rows, heads * width]` f32, `strideQ` bytes from row to row; width a
 *   multiple of 8.
 * @param k `[keys, heads * width]` f32, `v` of the same shape.
 * @param y `[rows, heads * width]` f32.
 * @param scratch `attentionScratch(keys, width)` bytes.
 */
export function attention(
  q: usize,
  strideQ: usize,
  rows: i32,
  k: usize,
  strideK: usize,
  v: usize,
  strideV: usize,
  keys: i32,
  heads: i32,
  width: i32,
  scale: f32,
  y: usize,
  strideY: usize,
  scratch: usize,
): void {
  const wide: usize = (keys + 7) & ~7;
  const deep: i32 = (keys + 3) & ~3;
  const bytes: usize = (<usize>width) << 2;
  const zeros = scratch;
  const constants = zeros + 32;
  const panelsK = constants + expScratch(); // [keys / 8, width, 8]
  const panelsV = panelsK + wide * bytes; // [width / 8, keys, 8]
  const scores = panelsV + wide * bytes; // [4, wide]
  const line = wide << 2;
  memory.fill(zeros, 0, 32);
  prepareExp(constants);
  for (let head = 0; head < heads; head++) {
    packKeys(k, strideK, keys, width, panelsK);
    packValues(v, strideV, keys, deep, width, panelsV);
    for (let row = 0; row < rows; row += TILE_ROWS) {
      const count = min(TILE_ROWS, rows - row);
      const from = q + strideQ * row;
      for (let at: usize = 0; at < wide; at += 8) {
        const panel = panelsK + at * bytes;
        const to = scores + (at << 2);
        f32Tile(from, strideQ, panel, width, to, line, count, zeros, 0);
      }
      for (let at = 0; at < count; at++) {
        softmaxRow(scores + line * at, keys, scale, constants);
      }
      for (let at: usize = 0; at < bytes; at += 32) {
        const panel = panelsV + at * deep;
        const to = y + strideY * row + at;
        f32Tile(scores, line, panel, deep, to, strideY, count, zeros, 0);
      }
    }
    q += bytes;
    k += bytes;
    v += bytes;
    y += bytes;
  }
}

/** `[keys, width]` becomes `[ceil(keys / 8), width, 8]`; a last panel repeats. */
function packKeys(
  k: usize,
  stride: usize,
  keys: i32,
  width: i32,
  to: usize,
): void {
  const last = k + stride * (keys - 1);
  const bytes: usize = (<usize>width) << 2;
  for (let key = 0; key < keys; key += 8) {
    for (let half: usize = 0; half < 2; half++) {
      const r0 = min(k + stride * (4 * half), last);
      const r1 = min(k + stride * (4 * half + 1), last);
      const r2 = min(k + stride * (4 * half + 2), last);
      const r3 = min(k + stride * (4 * half + 3), last);
      let place = to + (half << 4);
      for (let at: usize = 0; at < bytes; at += 16) {
        const a = v128.load(r0 + at);
        const b = v128.load(r1 + at);
        const c = v128.load(r2 + at);
        const d = v128.load(r3 + at);
        const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
        const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
        const ef = i32x4.shuffle(a, b, 2, 6, 3, 7);
        const gh = i32x4.shuffle(c, d, 2, 6, 3, 7);
        v128.store(place, i64x2.shuffle(ab, cd, 0, 2));
        v128.store(place, i64x2.shuffle(ab, cd, 1, 3), 32);
        v128.store(place, i64x2.shuffle(ef, gh, 0, 2), 64);
        v128.store(place, i64x2.shuffle(ef, gh, 1, 3), 96);
        place += 128;
      }
    }
    k += stride << 3;
    to += bytes << 3;
  }
}

/** `[keys, width]` becomes `[width / 8, deep, 8]`, zeros past the keys. */
function packValues(
  v: usize,
  stride: usize,
  keys: i32,
  deep: i32,
  width: i32,
  to: usize,
): void {
  const bytes: usize = (<usize>width) << 2;
  for (let at: usize = 0; at < bytes; at += 32) {
    for (let key = 0; key < keys; key++) {
      v128.store(to, v128.load(v + stride * key + at));
      v128.store(to, v128.load(v + stride * key + at, 16), 16);
      to += 32;
    }
    memory.fill(to, 0, (<usize>(deep - keys)) << 5);
    to += (<usize>(deep - keys)) << 5;
  }
}
