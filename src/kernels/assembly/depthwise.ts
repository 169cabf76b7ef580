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
  const step: usize = pixel * stride;
  for (let row = 0; row < outHeight; row++) {
    const top = row * stride - padTop;
    const fromY = max(0, -top);
    const rows = min(size, height - top) - fromY;
    const line = x + pixel * ((top + fromY) * width);
    const filters = w + pixel * (fromY * size);
    for (let column = 0; column < outWidth;) {
      const left = column * stride - padLeft;
      const addend = residual
        ? x + pixel * ((top + middle) * width + left + middle)
        : 0;
      const last = left + 3 * stride + size;
      if (left >= 0 && last <= width && column + 4 <= outWidth) {
        filterFour(
          line + pixel * left,
          pixel * width,
          pixel,
          step,
          rows,
          size,
          filters,
          bias,
          addend,
          y,
        );
        column += 4;
        y += pixel << 2;
        continue;
      }
      const fromX = max(0, -left);
      filterPixel(
        line + pixel * (left + fromX),
        pixel * width,
        pixel,
        rows,
        min(size, width - left) - fromX,
        filters + pixel * fromX,
        pixel * size,
        bias,
        addend,
        y,
      );
      column++;
      y += pixel;
    }
  }
}

/** Four neighbours of all channels, so that each weight is read once for all. */
function filterFour(
  x: usize,
  line: usize,
  pixel: usize,
  step: usize,
  rows: i32,
  size: i32,
  w: usize,
  bias: usize,
  addend: usize,
  y: usize,
): void {
  const filterLine: usize = pixel * size;
  for (let at: usize = 0; at < pixel; at += 16) {
    let a = v128.load(bias + at);
    let b = a;
    let c = a;
    let d = a;
    for (let row = 0; row < rows; row++) {
      let p = x + at + line * row;
      let q = w + at + filterLine * row;
      for (const end = q + filterLine; q < end; q += pixel) {
        const weights = v128.load(q);
        a = madd(v128.load(p), weights, a);
        b = madd(v128.load(p + step), weights, b);
        c = madd(v128.load(p + step * 2), weights, c);
        d = madd(v128.load(p + step * 3), weights, d);
        p += pixel;
      }
    }
    let to = y + at;
    if (addend) {
      // Strides are 1 then.
      let from = addend + at;
      a = f32x4.add(a, v128.load(from));
      from += pixel;
      b = f32x4.add(b, v128.load(from));
      from += pixel;
      c = f32x4.add(c, v128.load(from));
      from += pixel;
      d = f32x4.add(d, v128.load(from));
    }
    v128.store(to, a);
    to += pixel;
    v128.store(to, b);
    to += pixel;
    v128.store(to, c);
    to += pixel;
    v128.store(to, d);
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
  for (let at: usize = 0; at < pixel; at += 16) {
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
