// Kernels over images: a part is some rows of the output. What lies above it in
// the input is told by a padding below 0.

import type { KernelExports } from "../kernels.ts";
import { CONVOLUTION_KINDS } from "../tower-layout.ts";
import { type Split, WORTH } from "./split.ts";
import { inRows, productWork } from "./split-products.ts";

const F32 = 4;

/** Filters, convolutions, pooling, enlarging. */
export function splitImages({
  run,
  over,
  rooms,
  roomsAt,
}: Split): Partial<KernelExports> {
  const pooling =
    (name: "maxPool" | "averagePool"): KernelExports["maxPool"] =>
    (
      ...[x, height, width, channels, size, stride, top, left, y, rows, columns]
    ) => {
      const line = columns * channels * F32;
      const work = rows * columns * channels * size * size * WORTH.f32;
      over({ total: rows, unit: 1, work }, (calls, row, count) => {
        calls[name](
          ...([x, height, width, channels, size, stride] as const),
          ...([
            top - row * stride,
            left,
            y + row * line,
            count,
            columns,
          ] as const),
        );
      });
    };
  return {
    maxPool: pooling("maxPool"),
    averagePool: pooling("averagePool"),
    depthwise(
      ...[x, height, width, channels, size, stride, top, left, w, bias, ...to]
    ) {
      const [residual, y, rows, columns] = to;
      const line = columns * channels * F32;
      const work = rows * columns * channels * size * size * WORTH.f32;
      over({ total: rows, unit: 1, work }, (calls, row, count) => {
        calls.depthwise(
          ...([x, height, width, channels, size, stride] as const),
          ...([top - row * stride, left, w, bias, residual] as const),
          ...([y + row * line, count, columns] as const),
        );
      });
    },
    gatherPatches(
      ...[x, height, width, channels, size, stride, top, left, columns, ...to]
    ) {
      const [first, total, k, y] = to;
      const work = total * k * WORTH.value;
      over({ total, unit: 1, work }, (calls, row, count) => {
        calls.gatherPatches(
          ...([x, height, width, channels, size, stride, top, left] as const),
          ...([columns, first + row, count, k, y + row * k * F32] as const),
        );
      });
    },
    convolutionScratch: (patched, kind, k, n) =>
      rooms(run.convolutionScratch(patched, kind, k, n)),
    convolution(
      ...[x, height, width, channels, size, stride, top, left, columns, ...rest]
    ) {
      const [first, total, patched, kind, k, n, group, ...own] = rest;
      const [w, scales, bias, activation, y, scratch] = own;
      const bytes = run.convolutionScratch(patched, kind, k, n);
      const name = CONVOLUTION_KINDS[kind]!;
      const values = total * (patched * k + n) * WORTH.value;
      const work = productWork(name, total, k, n) + values;
      over(
        { ...inRows(total), work, rooms: roomsAt(scratch, bytes) },
        (calls, row, count, room) => {
          calls.convolution(
            ...([x, height, width, channels, size, stride, top, left] as const),
            ...([columns, first + row, count, patched, kind, k, n] as const),
            ...([group, w, scales, bias, activation, y, room] as const),
          );
        },
      );
    },
    enlargeNearest(x, height, width, channels, factor, y) {
      const line = width * channels * F32;
      const area = factor * factor;
      const work = height * width * channels * area * WORTH.value;
      over({ total: height, unit: 1, work }, (calls, row, count) => {
        const from = x + row * line;
        const to = y + row * line * area;
        calls.enlargeNearest(from, count, width, channels, factor, to);
      });
    },
  };
}
