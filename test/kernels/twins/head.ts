// What a head is asked, of a row of logits that lies there whole.

/** The ids of the best logits among those permitted, ties to the lower id. */
export function bestIds(
  logits: ArrayLike<number>,
  count: number,
  permitted: (id: number) => boolean,
): number[] {
  return Array.from({ length: logits.length }, (_, id) => id)
    .filter(permitted)
    .sort((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, count);
}

/** log(sum(exp(logits))). */
export function logSumExp(logits: ArrayLike<number>): number {
  const values = Array.from(logits);
  const top = values.reduce((most, x) => Math.max(most, x), -Infinity);
  return top + Math.log(values.reduce((sum, x) => sum + Math.exp(x - top), 0));
}
