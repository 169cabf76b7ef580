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
  readonly prompt: number;
  readonly parent: number;
  readonly tokenId: number;
  readonly node: TrieNode;
  /** Ids after `<s>` and the sum of their log-probabilities. */
  readonly path: readonly number[];
  readonly sum: number;
}

/**
 * Mean log-probability of each sequence, teacher-forced as the start of the
 * answer. Sequences of one prompt share their beginnings: each step allows,
 * and scores, just the tokens that some sequence goes on with.
 *
 * @returns for each item, one mean per sequence; `-Infinity` for an empty one.
 * @throws FlorenceError `deadline_exceeded` if the signal is aborted.
 */
export async function scoreSequences(
  state: DecodingState,
  items: readonly SequencesToScore[],
  options: ScoreOptions,
): Promise<readonly (readonly number[])[]> {
  const { spec } = options;
  const means = items.map((item) => new Map<string, number>());
  // The start token, then the forced first one: neither is part of a score.
  let branches: Branch[] = items.map(({ prompt, sequences }) => ({
    prompt,
    parent: -1,
    tokenId: spec.decoder_start_token_id,
    node: buildTokenTrie(sequences),
    path: [],
    sum: 0,
  }));
  const itemOf = new Map(items.map(({ prompt }, index) => [prompt, index]));
  if (spec.forced_bos_token_id !== null) {
    const first = spec.forced_bos_token_id;
    throwIfAborted(options.signal);
    await state.step(
      branches.map((branch) => toRow(branch, [])),
      options,
    );
    branches = branches.map((branch, row) => ({
      ...branch,
      parent: row,
      tokenId: first,
    }));
  }

  while (branches.length > 0) {
    throwIfAborted(options.signal);
    const rows = branches.map((branch) =>
      toRow(branch, [...branch.node.children.keys()]),
    );
    const results = await state.step(rows, options);
    const next: Branch[] = [];
    for (const [row, branch] of branches.entries()) {
      const children = [...branch.node.children];
      for (const [at, [tokenId, node]] of children.entries()) {
        const path = [...branch.path, tokenId];
        const sum = branch.sum + results[row]!.scored[at]!;
        const own = means[itemOf.get(branch.prompt)!]!;
        own.set(path.join(), sum / path.length);
        if (node.children.size === 0) continue;
        const { prompt } = branch;
        next.push({ prompt, parent: row, tokenId, node, path, sum });
      }
    }
    branches = next;
  }
  return items.map(({ sequences }, index) =>
    sequences.map((ids) => means[index]!.get(ids.join()) ?? -Infinity),
  );
}

function toRow(branch: Branch, scored: readonly number[]): StepRow {
  const { prompt, parent, tokenId } = branch;
  return { prompt, parent, tokenId, best: 0, allowed: scored, scored };
}
