// Seeded numbers for tests of kernels: the same on every machine.

/** A stream of random numbers. */
export interface Random {
  /** In [0, 1). */
  unit(): number;
  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  /** Roughly Gaussian values of standard deviation `scale`. */
  gauss(count: number, scale?: number): Float32Array<ArrayBuffer>;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
}

/** Mulberry32 with `seed`. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const unit = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    unit,
    whole: (low, high) => low + Math.floor(unit() * (high - low + 1)),
    gauss(count, scale = 1) {
      const values = new Float32Array(count);
      for (let at = 0; at < count; at += 1) {
        values[at] =
          scale * (unit() + unit() + unit() + unit() - 2) * Math.sqrt(3);
      }
      return values;
    },
    pick: (values) => values[Math.floor(unit() * values.length)]!,
  };
}
