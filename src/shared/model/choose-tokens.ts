// From a row of logits to what a step returns. Shared by every backend that
// has the logits in memory.

import { logSumExp } from "./log-sum-exp.ts";
import type { StepResult, StepRow, TokenChoice } from "./model.ts";

/**
 * The best allowed tokens, the scored ones and the log-sum-exp of one row.
 *
 * Log-probabilities are the plain log-softmax over the whole vocabulary, in
 * float64 inside: bans leave them as they are.
 *
 * @param logits one for each row of the vocabulary; changed by nobody.
 */
export function chooseTokens(logits: Float32Array, row: StepRow): StepResult {
  const total = logSumExp(logits);
  const scored = Float32Array.from(
    row.scored ?? [],
    (id) => logits[id]! - total,
  );
  const banned = new Set(row.banned);
  const ids =
    row.best === 0
      ? []
      : row.allowed === undefined
        ? topIds(logits, row.best, banned)
        : topAllowed(logits, row.allowed, row.best, banned);
  const best = ids.map((id): TokenChoice => ({
    id,
    logProb: logits[id]! - total,
  }));
  return { best, scored, logSumExp: total };
}

/** Ids of the `count` greatest logits, best first, ties to the lower id. */
function topIds(
  logits: Float32Array,
  count: number,
  banned: ReadonlySet<number>,
): number[] {
  const ids: number[] = [];
  let bar = -Infinity;
  for (let id = 0; id < logits.length; id += 1) {
    const logit = logits[id]!;
    // A later id must be strictly greater to push an earlier one out.
    if (ids.length === count && !(logit > bar)) continue;
    if (banned.has(id) || Number.isNaN(logit)) continue;
    let at = ids.length === count ? count - 1 : ids.length;
    while (at > 0 && logits[ids[at - 1]!]! < logit) {
      ids[at] = ids[at - 1]!;
      at -= 1;
    }
    ids[at] = id;
    bar = logits[ids.at(-1)!]!;
  }
  return ids;
}

function topAllowed(
  logits: Float32Array,
  allowed: readonly number[],
  count: number,
  banned: ReadonlySet<number>,
): number[] {
  return allowed
    .filter((id) => !banned.has(id) && !Number.isNaN(logits[id]))
    .sort((a, b) => logits[b]! - logits[a]! || a - b)
    .slice(0, count);
}
