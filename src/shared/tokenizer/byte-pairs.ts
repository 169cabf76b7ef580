// Byte-pair encoding of one word: pairs are merged in the order of their ranks,
// leftmost first. A heap of candidate pairs over a linked list keeps a word of
// n bytes at O(n log n), however uniform it is.

/**
 * Pairs of adjacent tokens in the order of their ranks, best first, and what
 * each becomes. In three arrays: an object for each of 50,000 merges would take
 * megabytes of an isolate.
 */
export interface Merges {
  readonly left: Int32Array; // [count]
  readonly right: Int32Array; // [count]
  readonly merged: Int32Array; // [count]
}

export type MergeWord = (ids: readonly number[]) => number[];

/** The rank of a pair, -1 if it is never merged. */
type RankOf = (left: number, right: number) => number;

/** @returns a function from the ids of a word's bytes to the ids of its pieces. */
export function bytePairMerger(merges: Merges): MergeWord {
  const rankOf = pairTable(merges);
  return (ids) => mergeWord(ids, merges, rankOf);
}

/** A hash table with open addressing, at most half of it in use. */
function pairTable({ left, right }: Merges): RankOf {
  const mask = 2 ** Math.ceil(Math.log2(2 * left.length + 1)) - 1;
  const ranks = new Int32Array(mask + 1).fill(-1);
  /** Where the pair stands, or the free place where it would. */
  const find = (a: number, b: number): number => {
    let at = hash(a, b) & mask;
    for (;;) {
      const rank = ranks[at]!;
      if (rank < 0 || (left[rank] === a && right[rank] === b)) return at;
      at = (at + 1) & mask;
    }
  };
  for (let rank = 0; rank < left.length; rank += 1) {
    const at = find(left[rank]!, right[rank]!);
    if (ranks[at]! < 0) ranks[at] = rank; // of equal pairs the best
  }
  return (a, b) => ranks[find(a, b)]!;
}

/** Multipliers of MurmurHash3, whose high bits come down to the low ones. */
function hash(a: number, b: number): number {
  const mixed = Math.imul(Math.imul(a, 0x85ebca6b) ^ b, 0xc2b2ae35);
  return mixed ^ (mixed >>> 15);
}

function mergeWord(
  ids: readonly number[],
  { left, right, merged }: Merges,
  rankOf: RankOf,
): number[] {
  const length = ids.length;
  if (length < 2) return [...ids];
  const id = Int32Array.from(ids); // -1: merged into the piece on its left
  const next = Int32Array.from(ids, (_, at) => at + 1);
  const previous = Int32Array.from(ids, (_, at) => at - 1);
  const heap: number[] = []; // rank * length + position: the order of merging

  const propose = (at: number): void => {
    const after = next[at]!;
    if (at < 0 || after >= length) return;
    const rank = rankOf(id[at]!, id[after]!);
    if (rank >= 0) push(heap, rank * length + at);
  };
  for (let at = 0; at + 1 < length; at += 1) propose(at);

  while (heap.length > 0) {
    const best = pop(heap);
    const at = best % length;
    const rank = (best - at) / length;
    const after = next[at]!;
    // A proposal is stale once one of its sides was merged elsewhere.
    if (id[at] !== left[rank] || after >= length) continue;
    if (id[after] !== right[rank]) continue;
    id[at] = merged[rank]!;
    id[after] = -1;
    next[at] = next[after]!;
    if (next[at] < length) previous[next[at]] = at;
    propose(previous[at]!);
    propose(at);
  }
  return Array.from(id).filter((piece) => piece >= 0);
}

function push(heap: number[], value: number): void {
  let at = heap.length;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= value) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = value;
}

/** Takes the least value out of a heap that is not empty. */
function pop(heap: number[]): number {
  const least = heap[0]!;
  const moved = heap.pop()!;
  const length = heap.length;
  if (length === 0) return least;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= length) break;
    if (child + 1 < length && heap[child + 1]! < heap[child]!) child += 1;
    if (heap[child]! >= moved) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = moved;
  return least;
}
