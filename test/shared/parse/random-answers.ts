// Random answers with a seed: tokens that make sense, tokens that do not, and
// numbers that are no token.

import type { Tokenizer } from "../../../src/shared/tokenizer/tokenizer.ts";

/** Numbers from 0 up to 1, always the same for a seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Up to 64 ids: runs of locations and bytes, marks, framing, nonsense. */
export function randomIds(
  random: () => number,
  tokenizer: Tokenizer,
): number[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  const { special, size } = tokenizer;
  const marks = [
    special.separator,
    special.polyOpen,
    special.polyClose,
    special.and,
  ];
  const framing = [special.bos, special.eos, special.pad, special.unk];
  const nonsense = [-1, size, size + 7, 0.5, Number.NaN, Infinity];
  const ids: number[] = random() < 0.8 ? [special.bos] : [];
  const length = below(60);
  while (ids.length < length) {
    const draw = random();
    if (draw < 0.4) {
      const run = 1 + below(13);
      for (let at = 0; at < run; at += 1)
        ids.push(special.firstLocation + below(1000));
    } else if (draw < 0.7) {
      const run = 1 + below(4);
      for (let at = 0; at < run; at += 1) ids.push(4 + below(256));
    } else if (draw < 0.85) ids.push(marks[below(marks.length)]!);
    else if (draw < 0.92) ids.push(framing[below(framing.length)]!);
    else if (draw < 0.97) ids.push(below(size));
    else ids.push(nonsense[below(nonsense.length)]!);
  }
  if (random() < 0.7) ids.push(special.eos);
  return ids;
}
