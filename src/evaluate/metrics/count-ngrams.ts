// Runs of words in a caption, counted: what CIDEr-D and BLEU are made of.

/** Longest n-gram of either measure, in words. */
export const LONGEST_NGRAM = 4;

/**
 * How often each run of 1 to `LONGEST_NGRAM` words occurs.
 *
 * @returns counts by n-gram, its words joined by one space.
 */
export function countNgrams(words: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (let n = 1; n <= LONGEST_NGRAM; n += 1) {
    for (let start = 0; start + n <= words.length; start += 1) {
      const ngram = words.slice(start, start + n).join(" ");
      counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
    }
  }
  return counts;
}

/** Words of an n-gram as `countNgrams` writes it. */
export function ngramLength(ngram: string): number {
  return ngram.split(" ").length;
}
