// A linear layer, whatever its weights are stored as.

import { int4GroupBytes } from "./pack-int4.ts";
import type { KernelExports } from "./kernels.ts";
import type { Linear } from "./weights.ts";

/** Rows that 4-bit weights take as they are stored. */
const FEW_ROWS = 5;
/** Up to this many rows, several passes of few beat unpacking the weights. */
const SOME_ROWS = 20;

/** Rows in the arena: where, and bytes from one to the next. */
export interface Rows {
  readonly at: number;
  readonly stride: number;
}

/** Bytes of scratch of a layer over `rows` rows. */
export function linearScratch(
  run: KernelExports,
  layer: Linear,
  rows: number,
): number {
  const { kind, k, n, group } = layer;
  if (kind === "int8") return run.int8Scratch(k);
  if (kind === "f32") return 0;
  return run.int4Scratch(rows <= SOME_ROWS ? FEW_ROWS : rows, k, n, group);
}

/**
 * y = x W + bias.
 *
 * @param x `[count, k]` f32, `y` `[count, n]` f32.
 * @param scratch `linearScratch` bytes.
 */
export function linear(
  run: KernelExports,
  layer: Linear,
  x: Rows,
  count: number,
  y: Rows,
  scratch: number,
): void {
  const { kind, n, k, group, weights, scales, bias } = layer;
  switch (kind) {
    case "int8":
      run.int8Product(
        x.at,
        x.stride,
        count,
        k,
        n,
        weights,
        scales,
        bias,
        y.at,
        y.stride,
        scratch,
      );
      return;
    case "f32":
      run.f32Product(
        x.at,
        x.stride,
        count,
        k,
        n,
        weights,
        bias,
        y.at,
        y.stride,
      );
      return;
    case "int4": {
      const step = count <= SOME_ROWS ? FEW_ROWS : count;
      for (let row = 0; row < count; row += step) {
        run.int4Product(
          x.at + row * x.stride,
          x.stride,
          Math.min(step, count - row),
          k,
          n,
          group,
          weights,
          bias,
          y.at + row * y.stride,
          y.stride,
          scratch,
        );
      }
      return;
    }
    default:
      kind satisfies never;
  }
}

/** Some outputs of a layer, as a layer: from a multiple of 8 on. */
export function columnsOf(layer: Linear, first: number, count: number): Linear {
  const { kind, k, group } = layer;
  const panels = first / 8;
  const panelBytes = {
    int8: 8 * k,
    f32: 32 * k,
    int4: (k / group) * int4GroupBytes(group),
  }[kind];
  return {
    ...layer,
    n: count,
    weights: layer.weights + panels * panelBytes,
    scales: layer.scales + (kind === "int8" ? first * 4 : 0),
    bias: layer.bias + first * 4,
  };
}

/** Bytes of scratch of `feedForward` over `rows` rows. */
export function feedForwardScratch(
  run: KernelExports,
  first: Linear,
  second: Linear,
  rows: number,
): number {
  const { kind, k, n: hidden, group } = first;
  if (kind === "int8") return run.int8FeedForwardScratch(k, hidden);
  if (kind === "f32") return run.f32FeedForwardScratch(hidden);
  const count = rows <= SOME_ROWS ? FEW_ROWS : rows;
  return run.int4FeedForwardScratch(count, k, hidden, second.n, group);
}

/**
 * y = second(GELU(first(x))); both layers of one kind.
 *
 * @param x `[count, k]` f32, `y` `[count, second.n]` f32.
 * @param scratch `feedForwardScratch` bytes.
 */
export function feedForward(
  run: KernelExports,
  first: Linear,
  second: Linear,
  x: Rows,
  count: number,
  y: Rows,
  scratch: number,
): void {
  const { kind, k, n: hidden, group } = first;
  switch (kind) {
    case "int8":
      run.int8FeedForward(
        x.at,
        x.stride,
        count,
        k,
        hidden,
        second.n,
        first.weights,
        first.scales,
        first.bias,
        second.weights,
        second.scales,
        second.bias,
        y.at,
        y.stride,
        scratch,
      );
      return;
    case "f32":
      run.f32FeedForward(
        x.at,
        x.stride,
        count,
        k,
        hidden,
        second.n,
        first.weights,
        first.bias,
        second.weights,
        second.bias,
        y.at,
        y.stride,
        scratch,
      );
      return;
    case "int4": {
      const step = count <= SOME_ROWS ? FEW_ROWS : count;
      for (let row = 0; row < count; row += step) {
        run.int4FeedForward(
          x.at + row * x.stride,
          x.stride,
          Math.min(step, count - row),
          k,
          hidden,
          second.n,
          group,
          first.weights,
          first.bias,
          second.weights,
          second.bias,
          y.at + row * y.stride,
          y.stride,
          scratch,
        );
      }
      return;
    }
    default:
      kind satisfies never;
  }
}
