// Byte-pair encoding of one word: pairs are merged in the order of their ranks,
// leftmost first. A heap of candidate pairs over a linked list keeps a word of
// n bytes at O(n log n), however uniform it is.

/** Two adjacent tokens that become one. */
export interface Merge {
  readonly left: number;
  readonly right: number;
  readonly merged: number;
}

export type MergeWord = (ids: readonly number[]) => number[];

/** Ids stay below this, so that a pair of them is one exact number. */
const ID_LIMIT = 2 ** 26;

/**
 * Prepares the merges, given in the order of their ranks, best first.
 *
 * @returns a function from the ids of a word's bytes to the ids of its pieces.
 */
export function bytePairMerger(merges: readonly Merge[]): MergeWord {
  const rankOf = new Map<number, number>();
  for (const [rank, { left, right }] of merges.entries()) {
    const key = left * ID_LIMIT + right;
    if (!rankOf.has(key)) rankOf.set(key, rank);
  }
  return (ids) => mergeWord(ids, merges, rankOf);
}

function mergeWord(
  ids: readonly number[],
  merges: readonly Merge[],
  rankOf: ReadonlyMap<number, number>,
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
    const rank = rankOf.get(id[at]! * ID_LIMIT + id[after]!);
    if (rank !== undefined) push(heap, rank * length + at);
  };
  for (let at = 0; at + 1 < length; at += 1) propose(at);

  while (heap.length > 0) {
    const best = pop(heap);
    const at = best % length;
    const merge = merges[(best - at) / length]!;
    const after = next[at]!;
    // A proposal is stale once one of its sides was merged elsewhere.
    if (id[at] !== merge.left || after >= length) continue;
    if (id[after] !== merge.right) continue;
    id[at] = merge.merged;
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
