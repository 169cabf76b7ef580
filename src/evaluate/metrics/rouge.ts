// ROUGE-L (Lin 2004) as `pycocoevalcap` has it: the longest common subsequence
// of words, recall weighing more than precision.

/** Weight of recall against precision. */
const BETA = 1.2;

/**
 * ROUGE-L of one answer, 0 to 1. Precision and recall are each the best over
 * the references, not of one reference.
 *
 * @param references at least one; words as `ptbTokenize` gives them.
 */
export function rougeL(
  candidate: readonly string[],
  references: readonly (readonly string[])[],
): number {
  const answer = oneAtLeast(candidate);
  let precision = 0;
  let recall = 0;
  for (const reference of references.map(oneAtLeast)) {
    const common = commonSubsequence(answer, reference);
    precision = Math.max(precision, common / answer.length);
    recall = Math.max(recall, common / reference.length);
  }
  if (precision === 0 || recall === 0) return 0;
  const square = BETA * BETA;
  return ((1 + square) * precision * recall) / (recall + square * precision);
}

/** The reference takes a caption without words for one empty word. */
function oneAtLeast(words: readonly string[]): readonly string[] {
  return words.length === 0 ? [""] : words;
}

/** Length of the longest common subsequence. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let before = new Uint16Array(b.length + 1);
  let row = new Uint16Array(b.length + 1);
  for (const word of a) {
    for (let at = 1; at <= b.length; at += 1) {
      row[at] =
        word === b[at - 1]
          ? before[at - 1]! + 1
          : Math.max(before[at]!, row[at - 1]!);
    }
    [before, row] = [row, before];
  }
  return before[b.length]!;
}
