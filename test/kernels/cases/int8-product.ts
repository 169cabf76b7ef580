// One-byte products of any shape, and quantization by itself.

import { deepEqual } from "node:assert/strict";
import { packInt8 } from "../../../src/shared/model/edge/pack-int8.ts";
import { type Family, near, values } from "../family.ts";
import { int8Product, quantizeRow } from "../twins/int8-product.ts";

export const INT8_PRODUCT: Family = {
  name: "int8 product",
  check(arena, random) {
    const { run } = arena.kernels;
    const m = random.pick([1, 2, 3, 4, 5, 6, 7, 12, random.whole(1, 110)]);
    const weights = packInt8(
      values(random, 40 * 200, 0.1),
      random.whole(1, 40),
      random.whole(1, 200),
    );
    const { n, k } = weights;
    const extra = random.pick([0, 0, 4, 20]);
    const x = values(random, m * k, random.pick([1, 1e-3, 1e4]));
    const bias = random.gauss(n);
    const c = arena.take(m * (n + extra) * 4);
    run.int8Product(
      arena.put(x),
      k * 4,
      m,
      k,
      n,
      arena.put(weights.bytes),
      arena.put(weights.scales),
      arena.put(bias),
      c,
      (n + extra) * 4,
      arena.take(run.int8Scratch(k)),
    );
    const all = arena.floats(c, m * (n + extra));
    const got = all.filter((_, at) => at % (n + extra) < n);
    const want = int8Product(x, m, weights, bias, run.activationLimit(m));
    near(got, want.values, want.bounds, `int8 product ${m}x${k}x${n}`);
    return got;
  },
};

export const QUANTIZE_ROWS: Family = {
  name: "quantize rows",
  check(arena, random) {
    const { run } = arena.kernels;
    const rows = random.whole(1, 14);
    const k = 8 * random.whole(1, 20);
    const height = random.pick([1, 6]);
    const limit = random.pick([63, 127]);
    const x = values(random, rows * k, random.pick([1, 1e-20, 1e20]));
    const tall = Math.ceil(rows / height) * height;
    const to = arena.take(tall * k);
    const scales = arena.take(rows * 4);
    const starts = arena.take(rows * 4);
    const from = arena.put(x);
    run.quantizeRows(from, k * 4, rows, k, height, limit, to, scales, starts);
    const bytes = new Int8Array(arena.bytes(to, tall * k).buffer);
    const gotScales = arena.floats(scales, rows);
    for (let row = 0; row < rows; row += 1) {
      const want = quantizeRow(x.subarray(row * k, (row + 1) * k), limit);
      const got = Int32Array.from(
        { length: k },
        (_, at) =>
          bytes[
            (Math.floor(row / height) * (k / 8) + (at >> 3)) * height * 8 +
              (row % height) * 8 +
              (at & 7)
          ]!,
      );
      deepEqual(got, want.wholes);
      deepEqual(gotScales[row], want.scale);
      deepEqual(
        arena.wholes(starts, rows)[row],
        0 - 64 * want.wholes.reduce((sum, whole) => sum + whole, 0),
      );
    }
    return gotScales;
  },
};
