// f32 products of any shape, and numbers of 16 bits.

import { deepEqual } from "node:assert/strict";
import { fromHalf, toHalf } from "../../../src/shared/model/edge/half.ts";
import { packF32 } from "../../../src/shared/model/edge/pack-f32.ts";
import { type Family, near, values } from "../family.ts";
import { f32Product } from "../twins/f32-product.ts";

export const F32_PRODUCT: Family = {
  name: "f32 product",
  check(arena, random) {
    const { run } = arena.kernels;
    const m = random.pick([1, 2, 5, 6, 7, random.whole(1, 110)]);
    const deep = random.unit() < 0.1;
    const inputs = random.whole(1, deep ? 1200 : 100);
    const outputs = random.whole(1, 20);
    const weights = packF32(values(random, outputs * inputs), outputs, inputs);
    const { n, k } = weights;
    const x = values(random, m * k);
    const bias = random.gauss(n);
    const extra = random.pick([0, 4, 8]);
    const c = arena.take(m * (n + extra) * 4);
    run.f32Product(
      arena.put(x),
      k * 4,
      m,
      k,
      n,
      arena.put(weights.values),
      arena.put(bias),
      c,
      (n + extra) * 4,
    );
    const all = arena.floats(c, m * (n + extra));
    const got = all.filter((_, at) => at % (n + extra) < n);
    const want = f32Product(x, m, weights, bias);
    near(got, want.values, want.bounds, `f32 product ${m}x${k}x${n}`);
    return got;
  },
};

export const HALVES: Family = {
  name: "halves",
  check(arena, random) {
    const { run } = arena.kernels;
    const count = 8 * random.whole(1, 20);
    const x = values(random, count, random.pick([1, 1e-5, 1e-8, 6e4, 1e9]));
    const halves = arena.take(count * 2);
    const back = arena.take(count * 4);
    run.storeHalves(arena.put(x), count, halves);
    run.loadHalves(halves, count, back);
    const want = Float32Array.from(x, (value) =>
      fromHalf(toHalf(Math.max(-65_504, Math.min(65_504, value)))),
    );
    const got = arena.floats(back, count);
    deepEqual(got, want);
    return got;
  },
};
