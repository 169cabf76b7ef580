// Depthwise convolutions: each channel with a small filter of its own.

import { madd } from "./lanes";

/**
 * y = depthwise(x) + bias, or x + depthwise(x) + bias.
 *
 * What a filter sees outside the image is 0. `residual` 1 adds what lies under
 * the middle of the filter, which must be inside; strides are 1 then.
 *
 * @param x `[height, width, channels]` f32; channels a multiple of 4.
 * @param size 3 or 5 (any odd size works), `padTop` and `padLeft` in pixels.
 * @param w `[size, size, channels]` f32, `bias` `[channels]` f32.
 * @param y `[outHeight, outWidth, channels]` f32, not x.
 */
export function depthwise(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  w: usize,
  bias: usize,
  residual: i32,
  y: usize,
  outHeight: i32,
  outWidth: i32,
): void {
  const pixel: usize = (<usize>channels) << 2;
  const middle = size >> 1;
  for (let row = 0; row < outHeight; row++) {
    const top = row * stride - padTop;
    const fromY = max(0, -top);
    const toY = min(size, height - top);
    for (let column = 0; column < outWidth; column++) {
      const left = column * stride - padLeft;
      const fromX = max(0, -left);
      const toX = min(size, width - left);
      const at = x + pixel * ((top + fromY) * width + left + fromX);
      filterPixel(
        at,
        pixel * width,
        pixel,
        toY - fromY,
        toX - fromX,
        w + pixel * (fromY * size + fromX),
        pixel * size,
        bias,
        residual ? x + pixel * ((top + middle) * width + left + middle) : 0,
        y,
      );
      y += pixel;
    }
  }
}

/** One pixel of all channels, over the part of the filter inside the image. */
function filterPixel(
  x: usize,
  line: usize,
  pixel: usize,
  rows: i32,
  columns: i32,
  w: usize,
  filterLine: usize,
  bias: usize,
  addend: usize,
  y: usize,
): void {
  let at: usize = 0;
  for (; at + 64 <= pixel; at += 64) {
    let a = v128.load(bias + at);
    let b = v128.load(bias + at, 16);
    let c = v128.load(bias + at, 32);
    let d = v128.load(bias + at, 48);
    for (let row = 0; row < rows; row++) {
      let p = x + at + line * row;
      let q = w + at + filterLine * row;
      for (let column = 0; column < columns; column++) {
        a = madd(v128.load(p), v128.load(q), a);
        b = madd(v128.load(p, 16), v128.load(q, 16), b);
        c = madd(v128.load(p, 32), v128.load(q, 32), c);
        d = madd(v128.load(p, 48), v128.load(q, 48), d);
        p += pixel;
        q += pixel;
      }
    }
    if (addend) {
      a = f32x4.add(a, v128.load(addend + at));
      b = f32x4.add(b, v128.load(addend + at, 16));
      c = f32x4.add(c, v128.load(addend + at, 32));
      d = f32x4.add(d, v128.load(addend + at, 48));
    }
    v128.store(y + at, a);
    v128.store(y + at, b, 16);
    v128.store(y + at, c, 32);
    v128.store(y + at, d, 48);
  }
  for (; at < pixel; at += 16) {
    let a = v128.load(bias + at);
    for (let row = 0; row < rows; row++) {
      let p = x + at + line * row;
      let q = w + at + filterLine * row;
      for (let column = 0; column < columns; column++) {
        a = madd(v128.load(p), v128.load(q), a);
        p += pixel;
        q += pixel;
      }
    }
    if (addend) a = f32x4.add(a, v128.load(addend + at));
    v128.store(y + at, a);
  }
}
