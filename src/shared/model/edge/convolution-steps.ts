// The kernel `convolution` as the kernels it is made of, for who watches products:
// inside of the kernel nobody sees them. Results are the same to the bit.

import { linear, linearScratch } from "./linear.ts";
import type { KernelExports } from "./kernels.ts";
import { ACTIVATIONS, activate } from "./run-tower.ts";
import { CONVOLUTION_KINDS } from "./tower-layout.ts";
import type { Linear } from "./weights.ts";

const F32 = 4;
/** Bytes of results made at a time, and rows that products take at a time. */
const BLOCK_BYTES = 131_072;
const ROWS = 48;

/**
 * The two functions that take the kernel's place.
 *
 * @param run the watched kernels.
 */
export function convolutionInSteps(
  run: KernelExports,
): Pick<KernelExports, "convolution" | "convolutionScratch"> {
  return {
    convolutionScratch(patched, kind, k, n) {
      const rows = blockRows(n);
      const layer = layerOf(kind, k, n);
      const product = linearScratch(run, layer, rows);
      return run.expScratch() + patched * rows * k * F32 + product;
    },
    convolution(
      ...[x, height, width, channels, size, stride, top, left, columns, ...rest]
    ) {
      const [first, total, patched, kind, k, n, group, ...own] = rest;
      const [weights, scales, bias, activation, y, scratch] = own;
      const layer = { ...layerOf(kind, k, n), group, weights, scales, bias };
      const block = blockRows(n);
      const patches = scratch + run.expScratch();
      const room = patches + patched * block * k * F32;
      const line = channels * F32;
      for (let row = first; row < first + total; row += block) {
        const count = Math.min(block, first + total - row);
        const output = { at: y + row * n * F32, stride: n * F32 };
        let from = { at: x + row * line, stride: line };
        if (patched === 1) {
          from = { at: patches, stride: k * F32 };
          run.gatherPatches(
            ...([x, height, width, channels, size, stride, top, left] as const),
            ...([columns, row, count, k, patches] as const),
          );
        }
        linear(run, layer, from, count, output, room);
        activate(run, ACTIVATIONS[activation]!, output.at, count * n, scratch);
      }
    },
  };
}

function layerOf(kind: number, k: number, n: number): Linear {
  const none = { weights: 0, scales: 0, bias: 0, group: 1 };
  return { kind: CONVOLUTION_KINDS[kind]!, k, n, ...none };
}

function blockRows(n: number): number {
  const rows = Math.floor(BLOCK_BYTES / (n * F32));
  return Math.max(ROWS, Math.floor(rows / ROWS) * ROWS);
}
