import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bytePairMerger,
  type Merges,
} from "../../../src/shared/tokenizer/byte-pairs.ts";
import { random } from "../../kernels/random.ts";

const IDS = 300;

/** Merges over few ids, so that pairs repeat and many words hold them. */
function someMerges(count: number, seed: number): Merges {
  const next = random(seed);
  const ids = (): Int32Array =>
    Int32Array.from({ length: count }, () => next.whole(0, IDS - 1));
  return { left: ids(), right: ids(), merged: ids() };
}

/** As GPT-2's `bpe` does it: the best pair of all, at its leftmost place. */
function mergePlainly(word: readonly number[], merges: Merges): number[] {
  const ranks = new Map<string, number>();
  for (const [rank, left] of merges.left.entries()) {
    const pair = `${left} ${merges.right[rank]}`;
    if (!ranks.has(pair)) ranks.set(pair, rank);
  }
  const ids = [...word];
  for (;;) {
    const found = ids
      .slice(1)
      .map((id, at) => ({ at, rank: ranks.get(`${ids[at]} ${id}`) }))
      .filter(({ rank }) => rank !== undefined)
      .sort((a, b) => a.rank! - b.rank! || a.at - b.at)[0];
    if (found === undefined) return ids;
    ids.splice(found.at, 2, merges.merged[found.rank!]!);
  }
}

test("merges as the plain way does, whatever pairs share a place in the table", () => {
  for (const count of [1, 2, 7, 1000, 20_000]) {
    const merges = someMerges(count, count);
    const merge = bytePairMerger(merges);
    const next = random(count + 1);
    for (let word = 0; word < 20; word += 1) {
      const ids = Array.from({ length: 12 }, () => next.whole(0, IDS - 1));
      assert.deepEqual(merge(ids), mergePlainly(ids, merges));
    }
  }
});

test("merges nothing without merges", () => {
  const none = new Int32Array();
  const merge = bytePairMerger({ left: none, right: none, merged: none });
  assert.deepEqual(merge([1, 2, 3]), [1, 2, 3]);
  assert.deepEqual(merge([]), []);
});
