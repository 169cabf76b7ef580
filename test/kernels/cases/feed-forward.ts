// The fused pair of layers against the product, GELU and the product alone.

import { type Family, near, values } from "../family.ts";
import { KINDS, multiply, place } from "../matrix-kinds.ts";
import { gelu } from "../twins/pointwise.ts";

export const FEED_FORWARD: Family = {
  name: "feed-forward",
  check(arena, random) {
    const { run } = arena.kernels;
    const m = random.pick([1, 4, 6, random.whole(1, 100)]);
    const kind = random.pick(KINDS);
    const group = 8;
    const [k, hidden, n] = [0, 1, 2].map(() => 8 * random.whole(1, 5)) as [
      number,
      number,
      number,
    ];
    const one = place(arena, kind, random.gauss(hidden * k), hidden, k, group);
    const two = place(arena, kind, random.gauss(n * hidden), n, hidden, group);
    const x = arena.put(values(random, m * k));
    const b1 = arena.put(random.gauss(hidden));
    const b2 = arena.put(random.gauss(n));
    const c = arena.take(m * n * 4);
    if (kind === "int8") {
      run.int8FeedForward(
        x,
        k * 4,
        m,
        k,
        hidden,
        n,
        one.w,
        one.scales,
        b1,
        two.w,
        two.scales,
        b2,
        c,
        n * 4,
        arena.take(run.int8FeedForwardScratch(k, hidden)),
      );
    } else if (kind === "int4") {
      run.int4FeedForward(
        x,
        k * 4,
        m,
        k,
        hidden,
        n,
        group,
        one.w,
        b1,
        two.w,
        b2,
        c,
        n * 4,
        arena.take(run.int4FeedForwardScratch(m, k, hidden, n, group)),
      );
    } else {
      run.f32FeedForward(
        x,
        k * 4,
        m,
        k,
        hidden,
        n,
        one.w,
        b1,
        two.w,
        b2,
        c,
        n * 4,
        arena.take(run.f32FeedForwardScratch(hidden)),
      );
    }
    const got = arena.floats(c, m * n);
    const before = multiply(arena, one, x, m, b1);
    const between = arena.put(before);
    run.gelu(between, m * hidden, arena.take(run.geluScratch()));
    const want = multiply(arena, two, between, m, b2);
    // Whole numbers add up alike in any order.
    const bound = kind === "f32" ? 1e-5 * largest(want) : 0;
    near(got, want, bound, `feed-forward of ${kind}`);
    const activated = arena.floats(between, m * hidden);
    near(activated, Float64Array.from(before, gelu), 1e-4, "GELU between");
    return got;
  },
};

function largest(data: Float32Array): number {
  return data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
}
