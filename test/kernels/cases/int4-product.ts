// 4-bit products of any shape, and their unpacking by itself.

import { deepEqual } from "node:assert/strict";
import { packInt4 } from "../../../src/shared/model/edge/pack-int4.ts";
import { type Family, near, values } from "../family.ts";
import { int8Product } from "../twins/int8-product.ts";
import { int4Rows, unpackInt4 } from "../twins/int4-product.ts";

export const INT4_PRODUCT: Family = {
  name: "int4 product",
  check(arena, random) {
    const { run } = arena.kernels;
    const m = random.pick([1, 2, 3, 4, 5, 6, 7, random.whole(1, 60)]);
    const weights = packInt4(
      values(random, 32 * 200, 0.1),
      random.whole(1, 32),
      random.whole(1, 200),
      random.pick([8, 16, 32, 32, 64, 128]),
    );
    const { n, k, group } = weights;
    const x = values(random, m * k, random.pick([1, 1e-3, 1e4]));
    const bias = random.gauss(n);
    const c = arena.take(m * n * 4);
    run.int4Product(
      arena.put(x),
      k * 4,
      m,
      k,
      n,
      group,
      arena.put(weights.bytes),
      arena.put(bias),
      c,
      n * 4,
      arena.take(run.int4Scratch(m, k, n, group)),
    );
    const got = arena.floats(c, m * n);
    const want =
      m <= 5
        ? int4Rows(x, m, weights, bias)
        : int8Product(x, m, unpackInt4(weights), bias, run.activationLimit(m));
    near(got, want.values, want.bounds, `int4 product ${m}x${k}x${n}`);
    return got;
  },
};

export const UNPACK_INT4: Family = {
  name: "unpack int4",
  check(arena, random) {
    const { run } = arena.kernels;
    const weights = packInt4(
      values(random, 24 * 128, random.pick([0.1, 1e-4, 10])),
      random.whole(1, 24),
      random.whole(1, 128),
      random.pick([8, 32, 64]),
    );
    const { n, k, group } = weights;
    const to = arena.take(n * k);
    const scales = arena.take(n * 4);
    run.unpackInt4(arena.put(weights.bytes), n, k, group, to, scales);
    const want = unpackInt4(weights);
    const got = arena.floats(scales, n);
    deepEqual(got, want.scales);
    deepEqual(arena.bytes(to, n * k), want.bytes);
    return got;
  },
};
