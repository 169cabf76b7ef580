// A convolution with what follows it: what a filter sees becomes rows, a product
// multiplies them, an activation is taken, some pixels at a time, so that none of
// them leaves the first caches in between.

import { relu, relu6, sigmoid, silu } from "./activations";
import { expScratch } from "./exp";
import { f32Product } from "./f32-product";
import { unpackInt4 } from "./int4-unpack";
import { BLOCK_ROWS, int8Product, int8Scratch, nextRows } from "./int8-product";
import { gatherPatches } from "./patches";

/** What weights are stored as. */
const F32: i32 = 0;
const INT4: i32 = 2;

/** What is done with each result. */
const RELU: i32 = 1;
const RELU6: i32 = 2;
const SILU: i32 = 3;
const SIGMOID: i32 = 4;

/**
 * Bytes of scratch.
 *
 * @param kind 0 for f32, 1 for one byte, 2 for 4 bits.
 * @param patched 1 if rows are patches, 0 if they are the map's pixels.
 */
export function convolutionScratch(
  patched: i32,
  kind: i32,
  k: i32,
  n: i32,
): i32 {
  return (
    expScratch() +
    (patched ? BLOCK_ROWS * k * 4 : 0) +
    (kind == F32 ? 0 : int8Scratch(k)) +
    (kind == INT4 ? n * (k + 4) : 0)
  );
}

/**
 * y = activation(convolution(x) + bias), for `count` output pixels from `first`
 * on in row-major order.
 *
 * @param x `[height, width, channels]` f32.
 * @param size, stride, padTop, padLeft, outWidth as `gatherPatches` takes them.
 * @param patched 1, or 0 if rows are the map's pixels as they lie: a filter of one
 *   pixel, stride 1, nothing padded; channels are k then.
 * @param kind, w, scales, group as the product takes them: `[n, k]` in f32 (0), in
 *   bytes (1) or 4 bits (2), with scales for bytes, groups for 4 bits.
 * @param activation 0 none, 1 ReLU, 2 ReLU6, 3 SiLU, 4 sigmoid.
 * @param y `[outHeight * outWidth, n]` f32, from the first pixel of all.
 * @param scratch `convolutionScratch(patched, kind, k, n)` bytes.
 */
export function convolution(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  outWidth: i32,
  first: i32,
  count: i32,
  patched: i32,
  kind: i32,
  k: i32,
  n: i32,
  group: i32,
  w: usize,
  scales: usize,
  bias: usize,
  activation: i32,
  y: usize,
  scratch: usize,
): void {
  const strideY: usize = (<usize>n) << 2;
  let strideX: usize = (<usize>channels) << 2;
  const patches = scratch + expScratch();
  let rest = patches;
  if (patched) {
    strideX = (<usize>k) << 2;
    rest += strideX * BLOCK_ROWS;
  }
  if (kind == INT4) {
    const bytes = rest + strideY;
    unpackInt4(w, n, k, group, bytes, rest);
    w = bytes;
    scales = rest;
    rest = bytes + <usize>n * k;
  }
  let rows = 0;
  for (let done = 0; done < count; done += rows) {
    rows = nextRows(count - done);
    const row = first + done;
    const to = y + strideY * row;
    let from = x + strideX * row;
    if (patched) {
      from = patches;
      gatherPatches(
        x,
        height,
        width,
        channels,
        size,
        stride,
        padTop,
        padLeft,
        outWidth,
        row,
        rows,
        k,
        patches,
      );
    }
    if (kind == F32) {
      f32Product(from, strideX, rows, k, n, w, bias, to, strideY);
    } else {
      int8Product(
        from,
        strideX,
        rows,
        k,
        n,
        w,
        scales,
        bias,
        to,
        strideY,
        rest,
      );
    }
    activate(activation, to, rows * n, scratch);
  }
}

function activate(activation: i32, x: usize, count: i32, scratch: usize): void {
  if (activation == RELU) relu(x, count);
  else if (activation == RELU6) relu6(x, count);
  else if (activation == SILU) silu(x, count, scratch);
  else if (activation == SIGMOID) sigmoid(x, count, scratch);
}
