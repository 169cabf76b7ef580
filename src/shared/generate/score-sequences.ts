// How likely a model finds given answers: closed labels are chosen, and absent
// ones rated, by the log-probability of their tokens.

import { throwIfAborted } from "../errors.ts";
import type { GenerationSpec } from "../model/manifest.ts";
import type { DecodingState, StepRow } from "../model/model.ts";
import { buildTokenTrie, type TrieNode } from "./token-trie.ts";

/** Token sequences to rate as answers of one prompt. */
export interface SequencesToScore {
  /** Index of the prompt in the state. */
  readonly prompt: number;
  /** Ids after `<s>`; add `</s>` where its probability counts. */
  readonly sequences: readonly (readonly number[])[];
}

export interface ScoreOptions {
  readonly spec: GenerationSpec;
  readonly signal?: AbortSignal | undefined;
}

interface Branch {
  /** Index into the items. */
  readonly item: number;
  readonly parent: number;
  readonly tokenId: number;
  readonly node: TrieNode;
  /** Ids after `<s>`, and the log-probability of each. */
  readonly path: readonly number[];
  readonly logProbs: readonly number[];
}

/**
 * Log-probability of each token of each sequence, teacher-forced as the start
 * of the answer. This is constrained decoding along every branch at once:
 * sequences of one prompt share their beginnings, and each step allows, and
 * scores, just the tokens that some sequence goes on with. The state's answers
 * begin again, before and after.
 *
 * @returns for each item, for each sequence, one log-probability per token.
 * @throws FlorenceError `deadline_exceeded` if the signal is aborted.
 */
export async function scoreSequences(
  state: DecodingState,
  items: readonly SequencesToScore[],
  options: ScoreOptions,
): Promise<readonly (readonly (readonly number[])[])[]> {
  const { spec } = options;
  const found = items.map(() => new Map<string, readonly number[]>());
  const toRow = (branch: Branch, scored: readonly number[]): StepRow => ({
    prompt: items[branch.item]!.prompt,
    parent: branch.parent,
    tokenId: branch.tokenId,
    best: 0,
    allowed: scored,
    scored,
  });

  let branches: Branch[] = items.map(({ sequences }, item) => ({
    item,
    parent: -1,
    tokenId: spec.decoder_start_token_id,
    node: buildTokenTrie(sequences),
    path: [],
    logProbs: [],
  }));
  if (spec.forced_bos_token_id !== null) {
    // The forced first token comes before the sequence and is not rated.
    const first = spec.forced_bos_token_id;
    throwIfAborted(options.signal);
    await state.step(
      branches.map((branch) => toRow(branch, [])),
      { signal: options.signal },
    );
    branches = branches.map((branch, parent) => ({
      ...branch,
      parent,
      tokenId: first,
    }));
  }

  while (branches.length > 0) {
    throwIfAborted(options.signal);
    const rows = branches.map((branch) =>
      toRow(branch, [...branch.node.children.keys()]),
    );
    const results = await state.step(rows, { signal: options.signal });
    const next: Branch[] = [];
    for (const [parent, branch] of branches.entries()) {
      for (const [at, [tokenId, node]] of [...branch.node.children].entries()) {
        const path = [...branch.path, tokenId];
        const logProb = results[parent]!.scored[at]!;
        const logProbs = [...branch.logProbs, logProb];
        found[branch.item]!.set(path.join(), logProbs);
        if (node.children.size === 0) continue;
        next.push({ item: branch.item, parent, tokenId, node, path, logProbs });
      }
    }
    branches = next;
  }
  return items.map(({ sequences }, item) =>
    sequences.map((ids) => found[item]!.get(ids.join()) ?? []),
  );
}

/** Mean log-probability of a sequence; `-Infinity` for an empty one. */
export function meanLogProb(logProbs: readonly number[]): number {
  if (logProbs.length === 0) return -Infinity;
  return logProbs.reduce((sum, logProb) => sum + logProb, 0) / logProbs.length;
}
