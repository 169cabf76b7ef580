// A decoding state over a made-up language model: the logits of the next token
// are a function of the ids so far. Records what it was asked.

import { chooseTokens } from "../../src/shared/model/choose-tokens.ts";
import type { DecodingState, StepRow } from "../../src/shared/model/model.ts";

/** Logits of the next token after `ids` (start token included). */
export type NextLogits = (
  prompt: number,
  ids: readonly number[],
) => Float32Array;

export interface ScriptedState extends DecodingState {
  /** Rows of every step so far. */
  readonly steps: readonly (readonly StepRow[])[];
  readonly finished: readonly number[];
}

/** A state whose model is `nextLogits`. */
export function createScriptedState(nextLogits: NextLogits): ScriptedState {
  let sequences: number[][] = [];
  const steps: (readonly StepRow[])[] = [];
  const finished: number[] = [];
  return {
    steps,
    finished,
    step(rows) {
      steps.push(rows);
      sequences = rows.map((row) =>
        row.parent < 0
          ? [row.tokenId]
          : [...sequences[row.parent]!, row.tokenId],
      );
      const results = rows.map((row, at) =>
        chooseTokens(nextLogits(row.prompt, sequences[at]!), row),
      );
      return Promise.resolve(results);
    },
    finish(prompts) {
      finished.push(...prompts);
    },
    dispose: () => Promise.resolve(),
  };
}

/** Seeded logits over a small vocabulary: the same for the same ids. */
export function hashedLogits(vocabulary: number, seed: number): NextLogits {
  return (prompt, ids) => {
    let hash = seed * 7919 + prompt * 104729 + 1;
    for (const id of ids) hash = (Math.imul(hash, 31) + id + 17) >>> 0;
    return Float32Array.from({ length: vocabulary }, (_, id) => {
      const mixed = Math.imul(hash ^ Math.imul(id + 1, 0x9e3779b1), 0x85ebca6b);
      return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 30;
    });
  };
}
