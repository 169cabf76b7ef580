// Depthwise convolutions: each channel with a small filter of its own.

import { madd } from "./lanes";

/**
 * Maps up to this size stay in the second cache; of larger ones four pixels at a
 * time were no faster than one by one, and up to a fifth slower.
 */
const NEAR_BYTES: usize = 2 << 20;

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
  const slides =
    stride == 1 &&
    (size == 5 || (size == 3 && channels % 8 == 0)) &&
    pixel * (height * width) <= NEAR_BYTES;
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
      const below = pixel * width;
      const last = left + 3 + size;
      if (slides && left >= 0 && last <= width && column + 4 <= outWidth) {
        const from = line + pixel * left;
        if (size == 3) {
          slideThree(from, below, pixel, rows, filters, bias, addend, y);
        } else {
          slideFive(from, below, pixel, rows, filters, bias, addend, y);
        }
        column += 4;
        y += pixel << 2;
        continue;
      }
      const fromX = max(0, -left);
      filterPixel(
        line + pixel * (left + fromX),
        below,
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

/** Four neighbours, a filter of 3, stride 1: each pixel is read once for all. */
function slideThree(
  x: usize,
  line: usize,
  pixel: usize,
  rows: i32,
  w: usize,
  bias: usize,
  addend: usize,
  y: usize,
): void {
  for (let at: usize = 0; at < pixel; at += 32) {
    let a0 = v128.load(bias + at);
    let b0 = a0;
    let c0 = a0;
    let d0 = a0;
    let a1 = v128.load(bias + at, 16);
    let b1 = a1;
    let c1 = a1;
    let d1 = a1;
    for (let row = 0; row < rows; row++) {
      let p = x + at + line * row;
      const q = w + at + pixel * (3 * row);
      const w0 = v128.load(q);
      const z0 = v128.load(q, 16);
      const w1 = v128.load(q + pixel);
      const z1 = v128.load(q + pixel, 16);
      const w2 = v128.load(q + pixel * 2);
      const z2 = v128.load(q + pixel * 2, 16);
      let v = v128.load(p);
      let u = v128.load(p, 16);
      a0 = madd(v, w0, a0);
      a1 = madd(u, z0, a1);
      p += pixel;
      v = v128.load(p);
      u = v128.load(p, 16);
      a0 = madd(v, w1, a0);
      a1 = madd(u, z1, a1);
      b0 = madd(v, w0, b0);
      b1 = madd(u, z0, b1);
      p += pixel;
      v = v128.load(p);
      u = v128.load(p, 16);
      a0 = madd(v, w2, a0);
      a1 = madd(u, z2, a1);
      b0 = madd(v, w1, b0);
      b1 = madd(u, z1, b1);
      c0 = madd(v, w0, c0);
      c1 = madd(u, z0, c1);
      p += pixel;
      v = v128.load(p);
      u = v128.load(p, 16);
      b0 = madd(v, w2, b0);
      b1 = madd(u, z2, b1);
      c0 = madd(v, w1, c0);
      c1 = madd(u, z1, c1);
      d0 = madd(v, w0, d0);
      d1 = madd(u, z0, d1);
      p += pixel;
      v = v128.load(p);
      u = v128.load(p, 16);
      c0 = madd(v, w2, c0);
      c1 = madd(u, z2, c1);
      d0 = madd(v, w1, d0);
      d1 = madd(u, z1, d1);
      p += pixel;
      v = v128.load(p);
      u = v128.load(p, 16);
      d0 = madd(v, w2, d0);
      d1 = madd(u, z2, d1);
    }
    storeFour(a0, b0, c0, d0, pixel, addend ? addend + at : 0, y + at);
    storeFour(
      a1,
      b1,
      c1,
      d1,
      pixel,
      addend ? addend + at + 16 : 0,
      y + at + 16,
    );
  }
}

/** The same with a filter of 5. */
function slideFive(
  x: usize,
  line: usize,
  pixel: usize,
  rows: i32,
  w: usize,
  bias: usize,
  addend: usize,
  y: usize,
): void {
  for (let at: usize = 0; at < pixel; at += 16) {
    let a0 = v128.load(bias + at);
    let b0 = a0;
    let c0 = a0;
    let d0 = a0;
    for (let row = 0; row < rows; row++) {
      let p = x + at + line * row;
      const q = w + at + pixel * (5 * row);
      const w0 = v128.load(q);
      const w1 = v128.load(q + pixel);
      const w2 = v128.load(q + pixel * 2);
      const w3 = v128.load(q + pixel * 3);
      const w4 = v128.load(q + pixel * 4);
      let v = v128.load(p);
      a0 = madd(v, w0, a0);
      p += pixel;
      v = v128.load(p);
      a0 = madd(v, w1, a0);
      b0 = madd(v, w0, b0);
      p += pixel;
      v = v128.load(p);
      a0 = madd(v, w2, a0);
      b0 = madd(v, w1, b0);
      c0 = madd(v, w0, c0);
      p += pixel;
      v = v128.load(p);
      a0 = madd(v, w3, a0);
      b0 = madd(v, w2, b0);
      c0 = madd(v, w1, c0);
      d0 = madd(v, w0, d0);
      p += pixel;
      v = v128.load(p);
      a0 = madd(v, w4, a0);
      b0 = madd(v, w3, b0);
      c0 = madd(v, w2, c0);
      d0 = madd(v, w1, d0);
      p += pixel;
      v = v128.load(p);
      b0 = madd(v, w4, b0);
      c0 = madd(v, w3, c0);
      d0 = madd(v, w2, d0);
      p += pixel;
      v = v128.load(p);
      c0 = madd(v, w4, c0);
      d0 = madd(v, w3, d0);
      p += pixel;
      v = v128.load(p);
      d0 = madd(v, w4, d0);
    }
    storeFour(a0, b0, c0, d0, pixel, addend ? addend + at : 0, y + at);
  }
}

/** Four neighbours' results, with what lies at `addend` unless that is 0. */
function storeFour(
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  pixel: usize,
  addend: usize,
  y: usize,
): void {
  if (addend) {
    a = f32x4.add(a, v128.load(addend));
    addend += pixel;
    b = f32x4.add(b, v128.load(addend));
    addend += pixel;
    c = f32x4.add(c, v128.load(addend));
    addend += pixel;
    d = f32x4.add(d, v128.load(addend));
  }
  v128.store(y, a);
  y += pixel;
  v128.store(y, b);
  y += pixel;
  v128.store(y, c);
  y += pixel;
  v128.store(y, d);
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
