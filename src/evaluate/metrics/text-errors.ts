// Character and word error rates: edits that turn what was read into what is
// written, over the length of what is written.

/** What one text adds to an error rate. */
export interface ErrorCounts {
  /** Insertions, deletions and substitutions. */
  readonly edits: number;
  /** Characters or words of the truth. */
  readonly length: number;
}

/** Edits in characters (code points); blanks at the ends do not count. */
export function countCharacterErrors(read: string, truth: string): ErrorCounts {
  const wanted = Array.from(truth.trim());
  return { edits: editDistance(Array.from(read.trim()), wanted), length: wanted.length };
} // prettier-ignore

/** Edits in words, parted by blanks. */
export function countWordErrors(read: string, truth: string): ErrorCounts {
  const wanted = wordsOf(truth);
  return { edits: editDistance(wordsOf(read), wanted), length: wanted.length };
}

/**
 * The error rate of a set, 0 and more; NaN for texts of no length.
 *
 * As `cer` and `wer` of the package jiwer: over the set, not a mean of rates.
 */
export function errorRate(
  counts: readonly ErrorCounts[],
  weights?: readonly number[],
): number {
  let edits = 0;
  let length = 0;
  for (const [at, one] of counts.entries()) {
    const weight = weights?.[at] ?? 1;
    edits += weight * one.edits;
    length += weight * one.length;
  }
  return edits / length;
}

/**
 * Share of the truth's words that were read, each as often as it is written,
 * wherever it stands.
 */
export function countWordsRead(
  read: string,
  truth: string,
): { readonly found: number; readonly words: number } {
  const left = new Map<string, number>();
  for (const word of wordsOf(read)) left.set(word, (left.get(word) ?? 0) + 1);
  let found = 0;
  const wanted = wordsOf(truth);
  for (const word of wanted) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    found += 1;
  }
  return { found, words: wanted.length };
}

/** Words of a text, parted by runs of blanks. */
function wordsOf(text: string): string[] {
  return text.split(/\s+/u).filter((word) => word !== "");
}

/** Levenshtein's distance, in one row. */
function editDistance(a: readonly string[], b: readonly string[]): number {
  const row = Uint32Array.from({ length: b.length + 1 }, (_, at) => at);
  for (const [done, item] of a.entries()) {
    let diagonal = row[0]!;
    row[0] = done + 1;
    for (let at = 1; at <= b.length; at += 1) {
      const above = row[at]!;
      row[at] = Math.min(
        above + 1,
        row[at - 1]! + 1,
        diagonal + Number(item !== b[at - 1]),
      );
      diagonal = above;
    }
  }
  return row[b.length]!;
}
