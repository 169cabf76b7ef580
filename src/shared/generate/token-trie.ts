// A set of token sequences as a tree of shared beginnings: what constrained
// decoding may write, and the order in which sequences are scored.

/** A node: the tokens that may follow and where each leads. */
export interface TrieNode {
  readonly children: ReadonlyMap<number, TrieNode>;
}

/**
 * Builds the tree of some sequences.
 *
 * @param sequences ids, without start token; empty ones are ignored.
 */
export function buildTokenTrie(
  sequences: readonly (readonly number[])[],
): TrieNode {
  interface Growing {
    readonly children: Map<number, Growing>;
  }
  const root: Growing = { children: new Map() };
  for (const sequence of sequences) {
    let node = root;
    for (const id of sequence) {
      let child = node.children.get(id);
      if (child === undefined) {
        child = { children: new Map() };
        node.children.set(id, child);
      }
      node = child;
    }
  }
  return root;
}

/**
 * The tokens that may follow a beginning.
 *
 * @returns nothing if no sequence begins so, or one ends there.
 */
export function allowedNext(
  trie: TrieNode,
  beginning: readonly number[],
): readonly number[] {
  let node: TrieNode | undefined = trie;
  for (const id of beginning) {
    node = node.children.get(id);
    if (node === undefined) return [];
  }
  return [...node.children.keys()];
}
