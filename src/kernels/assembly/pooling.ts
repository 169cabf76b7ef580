// Pooling over windows, over the whole image, and its reverse.

/**
 * The greatest of each window; what is outside the image does not count.
 *
 * @param x `[height, width, channels]` f32; channels a multiple of 4.
 * @param y `[outHeight, outWidth, channels]` f32; each window must touch the
 *   image.
 */
export function maxPool(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  y: usize,
  outHeight: i32,
  outWidth: i32,
): void {
  const pixel: usize = (<usize>channels) << 2;
  for (let row = 0; row < outHeight; row++) {
    const fromY = max(0, row * stride - padTop);
    const toY = min(height, row * stride - padTop + size);
    for (let column = 0; column < outWidth; column++) {
      const fromX = max(0, column * stride - padLeft);
      const toX = min(width, column * stride - padLeft + size);
      for (let at: usize = 0; at < pixel; at += 16) {
        let most = f32x4.splat(-Infinity);
        for (let v = fromY; v < toY; v++) {
          for (let u = fromX; u < toX; u++) {
            const value = v128.load(x + pixel * (v * width + u) + at);
            most = f32x4.max(most, value);
          }
        }
        v128.store(y + at, most);
      }
      y += pixel;
    }
  }
}

/**
 * The mean of each window; what is outside the image does not count.
 *
 * Shapes as in `maxPool`.
 */
export function averagePool(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  size: i32,
  stride: i32,
  padTop: i32,
  padLeft: i32,
  y: usize,
  outHeight: i32,
  outWidth: i32,
): void {
  const pixel: usize = (<usize>channels) << 2;
  for (let row = 0; row < outHeight; row++) {
    const fromY = max(0, row * stride - padTop);
    const toY = min(height, row * stride - padTop + size);
    for (let column = 0; column < outWidth; column++) {
      const fromX = max(0, column * stride - padLeft);
      const toX = min(width, column * stride - padLeft + size);
      const share = f32x4.splat(<f32>1 / <f32>((toY - fromY) * (toX - fromX)));
      for (let at: usize = 0; at < pixel; at += 16) {
        let sum = f32x4.splat(0);
        for (let v = fromY; v < toY; v++) {
          for (let u = fromX; u < toX; u++) {
            const value = v128.load(x + pixel * (v * width + u) + at);
            sum = f32x4.add(sum, value);
          }
        }
        v128.store(y + at, f32x4.mul(sum, share));
      }
      y += pixel;
    }
  }
}

/**
 * The mean over all pixels.
 *
 * @param x `[pixels, channels]` f32; channels a multiple of 4.
 * @param y `[channels]` f32.
 */
export function globalAverage(
  x: usize,
  pixels: i32,
  channels: i32,
  y: usize,
): void {
  const pixel: usize = (<usize>channels) << 2;
  const share = f32x4.splat(<f32>1 / <f32>pixels);
  for (let at: usize = 0; at < pixel; at += 16) {
    let sum = f32x4.splat(0);
    for (let index = 0; index < pixels; index++) {
      sum = f32x4.add(sum, v128.load(x + pixel * index + at));
    }
    v128.store(y + at, f32x4.mul(sum, share));
  }
}

/**
 * Enlarges by a whole factor, each pixel becoming a square.
 *
 * @param x `[height, width, channels]` f32.
 * @param y `[factor height, factor width, channels]` f32.
 */
export function enlargeNearest(
  x: usize,
  height: i32,
  width: i32,
  channels: i32,
  factor: i32,
  y: usize,
): void {
  const pixel: usize = (<usize>channels) << 2;
  const line: usize = pixel * width * factor;
  for (let row = 0; row < height; row++) {
    let to = y;
    for (let column = 0; column < width; column++) {
      for (let copy = 0; copy < factor; copy++) {
        memory.copy(to, x, pixel);
        to += pixel;
      }
      x += pixel;
    }
    for (let copy = 1; copy < factor; copy++) {
      memory.copy(y + line * copy, y, line);
    }
    y += line * factor;
  }
}
