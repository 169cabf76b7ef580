// Attention: a part is some heads, windows, groups or pixels.

import type { KernelExports } from "../kernels.ts";
import type { Calls } from "./calls.ts";
import { type Split, WORTH } from "./split.ts";

const F32 = 4;
const F16 = 2;
/** Two tiles of the f32 product: up to 5 rows are added up otherwise. */
const TILES_ROWS = 8;

export function splitAttention({
  run,
  over,
  rooms,
  roomsAt,
}: Split): Partial<KernelExports> {
  return {
    attentionScratch: (keys, width) => rooms(run.attentionScratch(keys, width)),
    attention(
      q,
      strideQ,
      rows,
      k,
      strideK,
      v,
      strideV,
      keys,
      heads,
      width,
      scale,
      y,
      strideY,
      scratch,
    ) {
      const own = roomsAt(scratch, run.attentionScratch(keys, width));
      const work = 2 * heads * rows * keys * width * WORTH.f32;
      over(
        { total: heads, unit: 1, work, rooms: own },
        (calls, first, part, room) => {
          const at = first * width * F32;
          calls.attention(
            q + at,
            strideQ,
            rows,
            k + at,
            strideK,
            v + at,
            strideV,
            keys,
            part,
            width,
            scale,
            y + at,
            strideY,
            room,
          );
        },
      );
    },
    windowAttentionScratch: (channels, heads, window) =>
      rooms(run.windowAttentionScratch(channels, heads, window)),
    windowAttention(
      qkv,
      bias,
      height,
      width,
      channels,
      heads,
      window,
      y,
      scratch,
    ) {
      const across = Math.ceil(width / window);
      const total = across * Math.ceil(height / window);
      const tokens = window * window;
      const work = 2 * total * tokens * tokens * channels * WORTH.f32;
      const bytes = run.windowAttentionScratch(channels, heads, window);
      const own = roomsAt(scratch, bytes);
      over({ total, unit: 1, work, rooms: own }, (calls, first, part, room) => {
        if (part === total) {
          calls.windowAttention(
            qkv,
            bias,
            height,
            width,
            channels,
            heads,
            window,
            y,
            room,
          );
          return;
        }
        const image = { qkv, bias, height, width, channels, heads, window, y };
        for (let index = first; index < first + part; index += 1) {
          const top = Math.floor(index / across) * window;
          oneWindow(calls, image, top, (index % across) * window, room);
        }
      });
    },
    channelAttentionScratch: (width) =>
      rooms(run.channelAttentionScratch(width)),
    channelScores(q, k, stride, rows, groups, width, scores, scratch) {
      const own = roomsAt(scratch, run.channelAttentionScratch(width));
      const wide = Math.ceil(width / 8) * 8;
      const work = rows * groups * width * wide * WORTH.f32;
      over(
        { total: groups, unit: 1, work, rooms: own },
        (calls, first, part, room) => {
          const at = first * width * F32;
          calls.channelScores(
            q + at,
            k + at,
            stride,
            rows,
            part,
            width,
            scores + at * wide,
            room,
          );
        },
      );
    },
    channelMix(v, strideV, rows, groups, width, a, y, strideY, scratch) {
      const own = roomsAt(scratch, run.channelAttentionScratch(width));
      const work = rows * groups * width * width * WORTH.f32;
      // By pixels: a group's last panel reaches into the next group's results. Each
      // part turns the scores around anew.
      over(
        { total: rows, unit: TILES_ROWS, work, rooms: own, each: 1 },
        (calls, first, part, room) => {
          calls.channelMix(
            v + first * strideV,
            strideV,
            part,
            groups,
            width,
            a,
            y + first * strideY,
            strideY,
            room,
          );
        },
      );
    },
    cachedAttentionScratch: (keys) => rooms(run.cachedAttentionScratch(keys)),
    cachedAttention(q, k, v, stride, keys, heads, width, scale, y, scratch) {
      const own = roomsAt(scratch, run.cachedAttentionScratch(keys));
      const work = 2 * heads * keys * width * WORTH.half;
      over(
        { total: heads, unit: 1, work, rooms: own },
        (calls, first, part, room) => {
          const at = first * width;
          calls.cachedAttention(
            q + at * F32,
            k + at * F16,
            v + at * F16,
            stride,
            keys,
            part,
            width,
            scale,
            y + at * F32,
            room,
          );
        },
      );
    },
  };
}

/** What `windowAttention` takes, but for its scratch. */
interface WindowedImage {
  readonly qkv: number;
  readonly bias: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly heads: number;
  readonly window: number;
  readonly y: number;
}

/** What the kernel does of one window, by kernels that take one. */
function oneWindow(
  calls: Calls,
  image: WindowedImage,
  top: number,
  left: number,
  inside: number,
): void {
  const { qkv, bias, height, width, channels, heads, window, y } = image;
  const columns = Math.min(window, width - left);
  const rows = Math.min(window, height - top);
  const tokens = window * window;
  const pixel = channels * F32;
  const size = 3 * pixel;
  const result = inside + size * tokens;
  const first = top * width + left;
  calls.copyRows(
    qkv + size * first,
    size * width,
    rows,
    3 * channels * columns,
    inside,
    size * window,
  );
  /** Positions outside the image hold the bias. */
  const fill = (place: number, count: number): void => {
    calls.copyRows(bias, 0, count, 3 * channels, inside + size * place, size);
  };
  if (columns < window) {
    for (let row = 0; row < rows; row += 1) {
      fill(row * window + columns, window - columns);
    }
  }
  if (rows < window) fill(rows * window, (window - rows) * window);
  const head = channels / heads;
  // In f32, as the kernel has it.
  const scale = Math.fround(1 / Math.fround(Math.sqrt(head)));
  calls.attention(
    inside,
    size,
    tokens,
    inside + pixel,
    size,
    inside + 2 * pixel,
    size,
    tokens,
    heads,
    head,
    scale,
    result,
    pixel,
    result + pixel * tokens,
  );
  calls.copyRows(
    result,
    pixel * window,
    rows,
    channels * columns,
    y + pixel * first,
    pixel * width,
  );
}
