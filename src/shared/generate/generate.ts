// Answers a batch of prompts: greedy or beam search over one decoding state.

import { FlorenceError, throwIfAborted } from "../errors.ts";
import type { GenerationSpec } from "../model/manifest.ts";
import type { DecodingState, StepResult, StepRow } from "../model/model.ts";
import type { Answer } from "../parse/answer.ts";
import {
  advanceBeamSearch,
  bestAnswer,
  startBeamSearch,
  type BeamOptions,
  type BeamSearch,
} from "./beam-search.ts";
import {
  emptyHypothesis,
  extend,
  toAnswer,
  type Hypothesis,
  type LocationTokens,
} from "./hypothesis.ts";
import { nextTokenRule, type NextTokenRule } from "./processors.ts";

/** The tokens that may come next, or null for any. */
export type AllowedTokens = (
  prompt: number,
  ids: readonly number[],
) => readonly number[] | null;

export interface GenerateOptions {
  /** The bundle's own settings; `num_beams` is not read here. */
  readonly spec: GenerationSpec;
  /** 1 is greedy. */
  readonly numBeams: number;
  /** New tokens an answer may have, `<s>` and `</s>` counted. */
  readonly maxTokens: number;
  /** Given, the spread of every location step is measured. */
  readonly locations?: LocationTokens | null;
  /**
   * Constrained decoding: asked for every row before its step; `ids` begin
   * with the start token. A rule that forces a token goes before it.
   */
  readonly allowed?: AllowedTokens;
  /** As `allowed`: ids that may not come next, beside the bundle's own. */
  readonly banned?: (
    prompt: number,
    ids: readonly number[],
  ) => readonly number[];
  /**
   * Called for each token as it is settled: at once when greedy, at the end
   * of a prompt with beams. `spread` is the answer's.
   */
  readonly onToken?: (
    prompt: number,
    id: number,
    logProb: number,
    spread: number | null,
  ) => void;
  /** Called with each answer as it is finished; an abort loses none of these. */
  readonly onAnswer?: (prompt: number, answer: Answer) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Answers prompts of a state, from the beginning; they are finished afterwards.
 *
 * @param prompts numbers of the prompts to answer.
 * @returns one answer for each of `prompts`, in order.
 * @throws FlorenceError `deadline_exceeded` if the signal is aborted,
 *   `engine_bad_output` if the model leaves nothing to choose.
 */
export async function generate(
  state: DecodingState,
  prompts: readonly number[],
  options: GenerateOptions,
): Promise<readonly Answer[]> {
  return options.numBeams > 1
    ? await searchBeams(state, prompts, options)
    : await searchGreedily(state, prompts, options);
}

/** Greedy search: the best token of each step, prompts leaving as they end. */
async function searchGreedily(
  state: DecodingState,
  prompts: readonly number[],
  options: GenerateOptions,
): Promise<readonly Answer[]> {
  const { spec } = options;
  const maxLength = options.maxTokens + 1;
  const answers = new Map<number, Answer>();
  const locations = options.locations ?? null;
  let running = prompts.map((prompt) => ({
    prompt,
    parent: -1,
    hypothesis: emptyHypothesis(spec.decoder_start_token_id),
  }));

  while (running.length > 0) {
    throwIfAborted(options.signal);
    const rows = running.map(({ prompt, parent, hypothesis }) => {
      const rule = nextTokenRule(hypothesis.ids, maxLength, spec);
      return stepRow(prompt, parent, hypothesis, rule, 1, options);
    });
    const results = await state.step(rows, { signal: options.signal });
    const next: typeof running = [];
    for (const [row, { prompt, hypothesis }] of running.entries()) {
      const choice = firstChoice(results[row]!);
      const longer = extend(hypothesis, choice, results[row]!, locations);
      const spread = longer.spreads.at(-1) ?? null;
      options.onToken?.(prompt, choice.id, choice.logProb, spread);
      const isFull = longer.ids.length >= maxLength;
      if (isFull || choice.id === spec.eos_token_id) {
        const answer = toAnswer(longer, isFull ? "length" : "stop");
        answers.set(prompt, answer);
        state.finish([prompt]);
        options.onAnswer?.(prompt, answer);
      } else {
        next.push({ prompt, parent: row, hypothesis: longer });
      }
    }
    running = next;
  }
  return prompts.map((prompt) => answers.get(prompt)!);
}

/** Beam search; the prompts do not influence one another. */
async function searchBeams(
  state: DecodingState,
  prompts: readonly number[],
  options: GenerateOptions,
): Promise<readonly Answer[]> {
  const beamOptions: BeamOptions = {
    numBeams: options.numBeams,
    maxLength: options.maxTokens + 1,
    spec: options.spec,
    locations: options.locations ?? null,
  };
  const answers = new Map<number, Answer>();
  let running = prompts.map((prompt) => ({
    prompt,
    firstRow: -1,
    search: startBeamSearch(beamOptions),
  }));

  while (running.length > 0) {
    throwIfAborted(options.signal);
    const rules: NextTokenRule[][] = [];
    const rows: StepRow[] = [];
    for (const { prompt, firstRow, search } of running) {
      const promptRules = search.running.map(({ hypothesis }) =>
        nextTokenRule(hypothesis.ids, beamOptions.maxLength, options.spec),
      );
      rules.push(promptRules);
      for (const [beam, { hypothesis }] of search.running.entries()) {
        const parent = firstRow < 0 ? -1 : firstRow + search.parents[beam]!;
        const best = 2 * options.numBeams;
        rows.push(
          stepRow(
            prompt,
            parent,
            hypothesis,
            promptRules[beam]!,
            best,
            options,
          ),
        );
      }
    }
    const results = await state.step(rows, { signal: options.signal });
    const next: typeof running = [];
    for (const [index, { prompt, search }] of running.entries()) {
      const firstRow = index * options.numBeams;
      const own = results.slice(firstRow, firstRow + options.numBeams);
      firstChoice(own[0]!);
      const advanced: BeamSearch = advanceBeamSearch(
        search,
        own,
        rules[index]!,
        beamOptions,
      );
      if (!advanced.isDone) {
        next.push({ prompt, firstRow, search: advanced });
        continue;
      }
      const answer = bestAnswer(advanced, beamOptions);
      answers.set(prompt, answer);
      state.finish([prompt]);
      for (const [at, id] of answer.ids.entries()) {
        const spread = answer.spreads[at] ?? null;
        options.onToken?.(prompt, id, answer.logProbs[at]!, spread);
      }
      options.onAnswer?.(prompt, answer);
    }
    running = next;
  }
  return prompts.map((prompt) => answers.get(prompt)!);
}

/** The row that extends a hypothesis by the token it ends with. */
function stepRow(
  prompt: number,
  parent: number,
  hypothesis: Hypothesis,
  rule: NextTokenRule,
  best: number,
  options: GenerateOptions,
): StepRow {
  const allowed =
    rule.forced === null
      ? (options.allowed?.(prompt, hypothesis.ids) ?? null)
      : [rule.forced];
  const banned =
    rule.forced === null
      ? (options.banned?.(prompt, hypothesis.ids) ?? [])
      : [];
  return {
    prompt,
    parent,
    tokenId: hypothesis.ids.at(-1)!,
    best,
    banned: banned.length === 0 ? rule.banned : [...rule.banned, ...banned],
    ...(allowed === null ? {} : { allowed }),
    ...(options.locations ? { scored: options.locations.ids } : {}),
  };
}

function firstChoice(result: StepResult): { id: number; logProb: number } {
  const choice = result.best[0];
  if (choice === undefined || Number.isNaN(choice.logProb)) {
    throw new FlorenceError(
      "engine_bad_output",
      "The model left no token to choose: its logits are not numbers, or every token is banned. Check the bundle with florence inspect.",
    );
  }
  return choice;
}
