// Convolutions, pooling and resizing of images of any size.

import { deepEqual } from "node:assert/strict";
import { convolutionInSteps } from "../../../src/shared/model/edge/convolution-steps.ts";
import { ACTIVATIONS } from "../../../src/shared/model/edge/run-tower.ts";
import { CONVOLUTION_KINDS } from "../../../src/shared/model/edge/tower-layout.ts";
import { packF32 } from "../../../src/shared/model/edge/pack-f32.ts";
import { type Family, near, values } from "../family.ts";
import { place } from "../matrix-kinds.ts";
import type { Random } from "../random.ts";
import {
  averagePool,
  convolve,
  depthwise,
  maxPool,
  type Picture,
  transposed2x2,
  type Window,
} from "../twins/images.ts";

function randomPicture(random: Random, channels: number): Picture {
  const height = random.whole(1, 13);
  const width = random.whole(1, 13);
  const data = values(random, height * width * channels);
  return { data, height, width, channels };
}

/** A window over a picture; padding may be asymmetric, as strides make it. */
function randomWindow(random: Random, picture: Picture, size: number): Window {
  const stride = random.pick([1, 1, 2, 4]);
  const most = Math.floor(size / 2);
  const padTop = random.whole(0, most);
  const padLeft = random.whole(0, most);
  const out = (length: number, before: number): number =>
    Math.max(1, Math.floor((length + before + most - size) / stride) + 1);
  const outHeight = out(picture.height, padTop);
  const outWidth = out(picture.width, padLeft);
  return { size, stride, padTop, padLeft, outHeight, outWidth };
}

/** The largest magnitude of an array. */
function most(data: ArrayLike<number>): number {
  let top = 0;
  for (let at = 0; at < data.length; at += 1) {
    top = Math.max(top, Math.abs(data[at]!));
  }
  return top;
}

export const DEPTHWISE: Family = {
  name: "depthwise",
  check(arena, random) {
    const channels = 4 * random.whole(1, 12);
    const picture = randomPicture(random, channels);
    const size = random.pick([3, 5]);
    const half = (size - 1) / 2;
    // Some rows, whose first is not always that of the picture.
    const top = random.whole(0, picture.height - 1);
    const same = {
      size,
      stride: 1,
      padTop: half - top,
      padLeft: half,
      outHeight: random.whole(1, picture.height - top),
      outWidth: picture.width,
    };
    const residual = random.unit() < 0.5;
    const window = residual ? same : randomWindow(random, picture, size);
    const filter = random.gauss(size * size * channels);
    const bias = random.gauss(channels);
    const count = window.outHeight * window.outWidth * channels;
    const y = arena.take(count * 4);
    arena.kernels.run.depthwise(
      arena.put(picture.data),
      picture.height,
      picture.width,
      channels,
      size,
      window.stride,
      window.padTop,
      window.padLeft,
      arena.put(filter),
      arena.put(bias),
      residual ? 1 : 0,
      y,
      window.outHeight,
      window.outWidth,
    );
    const want = depthwise(picture, window, filter, bias).map((value, at) =>
      residual
        ? value + picture.data[top * picture.width * channels + at]!
        : value,
    );
    const bound = 2e-6 * size * size * (most(picture.data) * 4 + 4);
    const got = arena.floats(y, count);
    near(got, want, bound, "depthwise");
    return got;
  },
};

export const CONVOLUTION: Family = {
  name: "convolution by patches",
  check(arena, random) {
    const { run } = arena.kernels;
    const channels = random.whole(1, 6);
    const picture = randomPicture(random, channels);
    const size = random.pick([2, 3, 7]);
    const window = randomWindow(random, picture, size);
    const outs = 8 * random.whole(1, 2);
    const inputs = size * size * channels;
    const weights = random.gauss(outs * inputs);
    const bias = random.gauss(outs);
    const packed = packF32(weights, outs, inputs);
    const rows = window.outHeight * window.outWidth;
    const c = arena.take(rows * outs * 4);
    const x = arena.put(picture.data);
    const w = arena.put(packed.values);
    const b = arena.put(bias);
    const slab = random.whole(1, 20);
    const patches = arena.take(slab * packed.k * 4);
    for (let first = 0; first < rows; first += slab) {
      const count = Math.min(slab, rows - first);
      run.gatherPatches(
        x,
        picture.height,
        picture.width,
        channels,
        size,
        window.stride,
        window.padTop,
        window.padLeft,
        window.outWidth,
        first,
        count,
        packed.k,
        patches,
      );
      run.f32Product(
        patches,
        packed.k * 4,
        count,
        packed.k,
        outs,
        w,
        b,
        c + first * outs * 4,
        outs * 4,
      );
    }
    const want = convolve(picture, window, weights, bias);
    const bound = 1e-6 * inputs * (most(picture.data) * 4 + 4);
    const got = arena.floats(c, rows * outs);
    near(got, want, bound, "convolution");
    return got;
  },
};

export const WHOLE_CONVOLUTION: Family = {
  name: "convolution",
  check(arena, random) {
    const { run } = arena.kernels;
    const kind = random.pick(CONVOLUTION_KINDS);
    const pointwise = random.whole(0, 1) === 1;
    const group = 32;
    const step = kind === "int4" ? group : 8;
    const channels = pointwise ? step * random.whole(1, 3) : random.whole(1, 6);
    const picture = randomPicture(random, channels);
    const { height, width } = picture;
    const own = { size: 1, stride: 1, padTop: 0, padLeft: 0 };
    const window = pointwise
      ? { ...own, outHeight: height, outWidth: width }
      : randomWindow(random, picture, random.pick([1, 2, 3, 5]));
    const { size, stride, padTop, padLeft, outWidth } = window;
    const inputs = size * size * channels;
    const outs = 8 * random.whole(1, 3);
    const gauss = random.gauss(outs * inputs);
    const matrix = place(arena, kind, gauss, outs, inputs, group);
    const { k, n } = matrix;
    const pixels = window.outHeight * outWidth;
    const number = CONVOLUTION_KINDS.indexOf(kind);
    const patched = pointwise ? 0 : 1;
    const x = arena.put(picture.data);
    const bias = arena.put(random.gauss(n));
    const activation = random.whole(0, ACTIVATIONS.length - 1);
    const convolveBy = (
      {
        convolution,
        convolutionScratch,
      }: ReturnType<typeof convolutionInSteps>,
      cuts: readonly number[],
    ): Float32Array<ArrayBuffer> => {
      const y = arena.take(pixels * n * 4);
      const scratch = arena.take(convolutionScratch(patched, number, k, n));
      for (const [at, first] of cuts.entries()) {
        const count = (cuts[at + 1] ?? pixels) - first;
        convolution(
          ...([x, height, width, channels, size, stride] as const),
          ...([padTop, padLeft, outWidth, first, count, patched] as const),
          ...([number, k, n, matrix.group, matrix.w, matrix.scales] as const),
          ...([bias, activation, y, scratch] as const),
        );
      }
      return arena.floats(y, pixels * n);
    };
    // Of few rows 4-bit products are made otherwise, and others' sums, too.
    const isCut = pixels > 12 && random.whole(0, 1) === 1;
    const got = convolveBy(run, isCut ? [0, random.whole(6, pixels - 6)] : [0]);
    if (kind !== "int4" || pixels > 20) {
      deepEqual(got, convolveBy(convolutionInSteps(run), [0]));
    }
    return got;
  },
};

export const POOLING: Family = {
  name: "pooling",
  check(arena, random) {
    const { run } = arena.kernels;
    const channels = 4 * random.whole(1, 6);
    const picture = randomPicture(random, channels);
    const { height, width } = picture;
    const window = randomWindow(random, picture, random.pick([1, 2, 3, 5]));
    const count = window.outHeight * window.outWidth * channels;
    const x = arena.put(picture.data);
    const greatest = arena.take(count * 4);
    const mean = arena.take(count * 4);
    const all = arena.take(channels * 4);
    for (const [pool, y] of [
      ["maxPool", greatest],
      ["averagePool", mean],
    ] as const) {
      run[pool](
        x,
        height,
        width,
        channels,
        window.size,
        window.stride,
        window.padTop,
        window.padLeft,
        y,
        window.outHeight,
        window.outWidth,
      );
    }
    run.globalAverage(x, height * width, channels, all);
    const got = arena.floats(mean, count);
    const bound = 1e-5 * most(picture.data);
    near(arena.floats(greatest, count), maxPool(picture, window), 0, "max");
    near(got, averagePool(picture, window), bound, "average");
    const pixels = height * width;
    const wantAll = Array.from({ length: channels }, (_, channel) => {
      let sum = 0;
      for (let at = 0; at < pixels; at += 1) {
        sum += picture.data[at * channels + channel]!;
      }
      return sum / pixels;
    });
    near(arena.floats(all, channels), wantAll, bound, "global average");
    return got;
  },
};

export const ENLARGING: Family = {
  name: "enlarging",
  check(arena, random) {
    const { run } = arena.kernels;
    const picture = randomPicture(random, 8);
    const { height, width, channels, data } = picture;
    const factor = random.whole(1, 3);
    const count = height * width * channels * factor * factor;
    const nearest = arena.take(count * 4);
    const x = arena.put(data);
    run.enlargeNearest(x, height, width, channels, factor, nearest);
    const line = width * factor;
    const want = Float32Array.from({ length: count }, (_, at) => {
      const pixel = Math.floor(at / channels);
      const row = Math.floor(pixel / line / factor);
      const column = Math.floor((pixel % line) / factor);
      return data[(row * width + column) * channels + (at % channels)]!;
    });
    near(arena.floats(nearest, count), want, 0, "nearest");

    const outs = 4 * random.whole(1, 3);
    const weights = random.gauss(4 * outs * channels);
    const bias = random.gauss(outs);
    const packed = packF32(weights, 4 * outs, channels);
    const biases = new Float32Array(packed.n);
    for (let tap = 0; tap < 4; tap += 1) biases.set(bias, tap * outs);
    const rows = height * width;
    const c = arena.take(rows * packed.n * 4);
    run.f32Product(
      x,
      channels * 4,
      rows,
      channels,
      packed.n,
      arena.put(packed.values),
      arena.put(biases),
      c,
      packed.n * 4,
    );
    const y = arena.take(rows * 4 * outs * 4);
    run.scatter2x2(c, height, width, outs, y);
    const got = arena.floats(y, rows * 4 * outs);
    const bound = 1e-5 * (most(data) * 8 + 4);
    near(got, transposed2x2(picture, weights, bias), bound, "transposed");
    return got;
  },
};
