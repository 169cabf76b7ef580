// Two readings of one line, of which the second goes on where the first was
// cut: what both have is written once.

/** Letters the places of which are guessed wrong by. */
const SLACK = 3;

/** A run shorter than this is common to any two texts. */
const MIN_COMMON = 2;

/** Below this share of a letter the two have none in common. */
const LEAST_SHARED = 0.3;

/**
 * Joins a text and its continuation.
 *
 * @param shared how many letters both should have, told from their places;
 *   below 0 for the width of the gap between them.
 */
export function joinTexts(
  before: string,
  after: string,
  shared: number,
): string {
  // A blank at the cut is lost on both sides, and leaves its width.
  if (shared < LEAST_SHARED)
    return shared <= -0.5 ? `${before} ${after}` : before + after;
  const [left, right] = [Array.from(before), Array.from(after)];
  const exact = exactOverlap(left, right, shared);
  if (exact !== null) {
    return [...left, ...right.slice(exact)].join("");
  }
  const common = commonRun(left, right, shared);
  if (common === null) return before + after;
  const { leftEnd, rightEnd } = common;
  return [...left.slice(0, leftEnd), ...right.slice(rightEnd)].join("");
}

/** The number of letters that end `left` and begin `right`, nearest to `shared`. */
function exactOverlap(
  left: readonly string[],
  right: readonly string[],
  shared: number,
): number | null {
  // Cuts go through letters: both sides together lack one of them.
  const due = shared + 0.5;
  const slack = Math.max(SLACK, 0.25 * due);
  let best: number | null = null;
  const most = Math.min(left.length, right.length, Math.floor(due + slack));
  for (let count = 1; count <= most; count += 1) {
    const distance = Math.abs(count - due);
    // One letter may be the same by chance, but not where one is due.
    if (distance > (count < MIN_COMMON ? 1 : slack)) continue;
    if (best !== null && Math.abs(best - due) <= distance) continue;
    const tail = left.length - count;
    const isSame = right
      .slice(0, count)
      .every((letter, at) => letter === left[tail + at]);
    if (isSame) best = count;
  }
  return best;
}

/** The longest run near the cut that both have: letters at a cut are misread. */
function commonRun(
  left: readonly string[],
  right: readonly string[],
  shared: number,
): { readonly leftEnd: number; readonly rightEnd: number } | null {
  const reach = Math.ceil(shared) + SLACK;
  const from = Math.max(0, left.length - reach);
  const to = Math.min(right.length, reach);
  let best = { length: 0, leftEnd: 0, rightEnd: 0 };
  for (let start = from; start < left.length; start += 1) {
    for (let at = 0; at < to; at += 1) {
      let length = 0;
      while (
        start + length < left.length &&
        at + length < to &&
        left[start + length] === right[at + length]
      )
        length += 1;
      if (length > best.length) {
        best = { length, leftEnd: start + length, rightEnd: at + length };
      }
    }
  }
  return best.length >= MIN_COMMON ? best : null;
}
