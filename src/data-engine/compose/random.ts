// Random numbers that come again with the same seed.

/** A stream of random numbers. */
export interface Random {
  /** From `from` up to, not including, `to`. */
  between(from: number, to: number): number;
  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number;
  /** Whether something of this chance happens. */
  chance(probability: number): boolean;
  /** @throws Error for an empty list. */
  pick<Item>(items: readonly Item[]): Item;
  /** Of mean 0 and deviation 1 (Box and Muller, 1958). */
  normal(): number;
}

/**
 * The stream of a seed and a number within it, so that picture 7 is the same
 * whichever were made before it.
 *
 * Source: SplitMix32's mixing of a counter (D. Steele, G. Lea, C. Flood, 2014).
 */
export function createRandom(seed: number, stream: number): Random {
  let state = mix(mix(seed) ^ Math.imul(stream + 1, 0x9e3779b9));
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    return mix(state) / 2 ** 32;
  };
  const whole = (from: number, to: number): number =>
    from + Math.floor(next() * (to - from + 1));
  return {
    between: (from, to) => from + next() * (to - from),
    whole,
    chance: (probability) => next() < probability,
    pick(items) {
      if (items.length === 0) throw new Error("internal: nothing to pick from");
      return items[whole(0, items.length - 1)]!;
    },
    normal: () =>
      Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}

function mix(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
