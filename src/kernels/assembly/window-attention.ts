// Attention within square windows of an image, as DaViT has it: no mask, no
// shift; windows at the right and lower edge are filled up with positions whose
// query, key and value are the bias alone.

import { attention, attentionScratch } from "./attention";

/** Bytes of scratch; `width` of one head. */
export function windowAttentionScratch(
  channels: i32,
  heads: i32,
  window: i32,
): i32 {
  const tokens = window * window;
  return 16 * tokens * channels + attentionScratch(tokens, channels / heads);
}

/**
 * Attends within each window.
 *
 * @param qkv `[height, width, 3 * channels]` f32: queries, keys, values, each
 *   `[heads, channels / heads]`; channels / heads a multiple of 8. A band of an
 *   image does, if it is one row of windows.
 * @param bias `[3 * channels]` f32: what a position outside the image holds.
 * @param y `[height, width, channels]` f32.
 * @param scratch `windowAttentionScratch(channels, heads, window)` bytes.
 */
export function windowAttention(
  qkv: usize,
  bias: usize,
  height: i32,
  width: i32,
  channels: i32,
  heads: i32,
  window: i32,
  y: usize,
  scratch: usize,
): void {
  const tokens = window * window;
  const pixel: usize = (<usize>channels) << 2;
  const inside = scratch; // [tokens, 3 * channels]
  const result = inside + pixel * (3 * tokens); // [tokens, channels]
  const rest = result + pixel * tokens;
  const head = channels / heads;
  const scale: f32 = <f32>1 / sqrt<f32>(<f32>head);
  for (let top = 0; top < height; top += window) {
    for (let left = 0; left < width; left += window) {
      const columns = min(window, width - left);
      const rows = min(window, height - top);
      gather(qkv, bias, width, top, left, rows, columns, window, pixel, inside);
      attention(
        inside,
        pixel * 3,
        tokens,
        inside + pixel,
        pixel * 3,
        inside + pixel * 2,
        pixel * 3,
        tokens,
        heads,
        head,
        scale,
        result,
        pixel,
        rest,
      );
      for (let row = 0; row < rows; row++) {
        memory.copy(
          y + pixel * ((top + row) * width + left),
          result + pixel * (row * window),
          pixel * columns,
        );
      }
    }
  }
}

function gather(
  qkv: usize,
  bias: usize,
  width: i32,
  top: i32,
  left: i32,
  rows: i32,
  columns: i32,
  window: i32,
  pixel: usize,
  to: usize,
): void {
  const size = pixel * 3;
  for (let row = 0; row < window; row++) {
    const inside = row < rows ? columns : 0;
    const from = qkv + size * ((top + row) * width + left);
    memory.copy(to, from, size * inside);
    to += size * inside;
    for (let column = inside; column < window; column++) {
      memory.copy(to, bias, size);
      to += size;
    }
  }
}
