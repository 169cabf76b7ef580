// Activations, LayerNorm, softmax, sums and scales.

import { type Family, near, values } from "../family.ts";
import type { Arena } from "../arena.ts";
import {
  gelu,
  hardSigmoid,
  layerNorm,
  sigmoid,
  softmax,
} from "../twins/pointwise.ts";

interface Activation {
  readonly name: string;
  readonly run: (arena: Arena, x: number, count: number) => void;
  readonly twin: (x: number) => number;
  /** Allowed beside a rounding of the result. */
  readonly bound: number;
}

const ACTIVATIONS: readonly Activation[] = [
  {
    name: "gelu",
    run: (arena, x, count) => {
      const { run } = arena.kernels;
      run.gelu(x, count, arena.take(run.geluScratch()));
    },
    twin: gelu,
    bound: 4e-7,
  },
  {
    name: "relu",
    run: ({ kernels }, x, count) => {
      kernels.run.relu(x, count);
    },
    twin: (x) => Math.max(x, 0),
    bound: 0,
  },
  {
    name: "relu6",
    run: ({ kernels }, x, count) => {
      kernels.run.relu6(x, count);
    },
    twin: (x) => Math.min(Math.max(x, 0), 6),
    bound: 0,
  },
  {
    name: "sigmoid",
    run: (arena, x, count) => {
      const { run } = arena.kernels;
      run.sigmoid(x, count, arena.take(run.expScratch()));
    },
    twin: sigmoid,
    bound: 2e-7,
  },
  {
    name: "silu",
    run: (arena, x, count) => {
      const { run } = arena.kernels;
      run.silu(x, count, arena.take(run.expScratch()));
    },
    twin: (x) => x * sigmoid(x),
    bound: 2e-7,
  },
  {
    name: "hard-sigmoid",
    run: ({ kernels }, x, count) => {
      kernels.run.hardSigmoid(x, count);
    },
    twin: hardSigmoid,
    bound: 2e-7,
  },
  {
    name: "hard-swish",
    run: ({ kernels }, x, count) => {
      kernels.run.hardSwish(x, count);
    },
    twin: (x) => x * hardSigmoid(x),
    bound: 2e-7,
  },
];

export const ACTIVATION_FAMILIES: readonly Family[] = ACTIVATIONS.map(
  ({ name, run, twin, bound }) => ({
    name,
    check(arena, random) {
      const count = 8 * random.whole(1, 30);
      const x = values(random, count, random.pick([0.1, 1, 3, 50]));
      const at = arena.put(x);
      run(arena, at, count);
      const want = Float64Array.from(x, twin);
      const got = arena.floats(at, count);
      near(
        got,
        want,
        want.map((value, index) => {
          const large = Math.max(Math.abs(value), Math.abs(x[index]!) / 8);
          return bound + (bound === 0 ? 0 : 4e-7 * large);
        }),
        name,
      );
      return got;
    },
  }),
);

export const LAYER_NORM: Family = {
  name: "layer norm",
  check(arena, random) {
    const rows = random.whole(1, 6);
    const width = 4 * random.whole(1, 60);
    const stride = width + random.pick([0, 4]);
    const x = values(random, rows * stride, random.pick([1, 1e-2, 100]));
    const gamma = random.gauss(width);
    const beta = random.gauss(width);
    const at = arena.put(x);
    const to = random.unit() < 0.5 ? at : arena.take(rows * stride * 4);
    arena.kernels.run.layerNorm(
      at,
      stride * 4,
      rows,
      width,
      arena.put(gamma),
      arena.put(beta),
      1e-5,
      to,
      stride * 4,
    );
    const all = arena.floats(to, rows * stride);
    const got = new Float32Array(rows * width);
    for (let row = 0; row < rows; row += 1) {
      const from = x.subarray(row * stride, row * stride + width);
      const result = all.subarray(row * stride, row * stride + width);
      const want = layerNorm(from, gamma, beta, 1e-5);
      // Rounding of the mean counts by how small the spread is beside it.
      const top = from.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      const loss = 4e-7 * (4 + top / Math.sqrt(spreadOf(from) ** 2 + 1e-5));
      near(
        result,
        want,
        want.map(
          (value, index) =>
            loss * (Math.abs(value) + Math.abs(gamma[index]!)) +
            2e-7 * Math.abs(beta[index]!),
        ),
        `layer norm of ${width}`,
      );
      got.set(result, row * width);
    }
    return got;
  },
};

/** Standard deviation of a row. */
function spreadOf(row: Float32Array): number {
  const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
  return Math.sqrt(
    row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length,
  );
}

export const SOFTMAX: Family = {
  name: "softmax",
  check(arena, random) {
    const rows = random.whole(1, 5);
    const count = random.whole(1, 150);
    const stride = Math.ceil(count / 4) * 4 + random.pick([0, 8]);
    const scale = random.pick([1, 0.125, 2]);
    const x = values(random, rows * stride, random.pick([1, 20, 1000]));
    const at = arena.put(x);
    const scratch = arena.take(arena.kernels.run.expScratch());
    arena.kernels.run.softmax(at, stride * 4, rows, count, scale, scratch);
    const all = arena.floats(at, rows * stride);
    for (let row = 0; row < rows; row += 1) {
      const first = row * stride;
      const from = x.subarray(first, first + count);
      const want = softmax(from, scale);
      const top = from.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      near(
        all.subarray(first, first + count),
        want,
        // Terms below exp(-64) are taken as that.
        want.map((value) => 1.7e-28 + value * (1e-6 + 3e-7 * top * scale)),
        `softmax of ${count}`,
      );
      const padding = all.subarray(
        first + count,
        first + Math.ceil(count / 4) * 4,
      );
      near(padding, new Float32Array(padding.length), 0, "padding");
    }
    return all;
  },
};

export const ELEMENTWISE: Family = {
  name: "sums and scales",
  check(arena, random) {
    const { run } = arena.kernels;
    const rows = random.whole(1, 8);
    const channels = 4 * random.whole(1, 20);
    const stride = channels + 4 * random.whole(0, 3);
    const x = values(random, rows * stride);
    const y = values(random, rows * stride);
    const scale = random.gauss(channels);
    const at = arena.put(x);
    run.addInto(at, arena.put(y), rows * stride);
    run.scaleChannels(at, stride * 4, rows, channels, arena.put(scale));
    const to = arena.take(rows * channels * 4);
    run.copyRows(at, stride * 4, rows, channels, to, channels * 4);
    const want = Float32Array.from({ length: rows * channels }, (_, index) => {
      const channel = index % channels;
      const from = Math.floor(index / channels) * stride + channel;
      return Math.fround(x[from]! + y[from]!) * scale[channel]!;
    });
    const got = arena.floats(to, rows * channels);
    near(got, want, 0, "sums and scales");
    return got;
  },
};
