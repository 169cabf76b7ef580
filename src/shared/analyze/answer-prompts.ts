// Answers prompts over one image, in batches that fit the backend.

import { throwIfAborted } from "../errors.ts";
import { generate } from "../generate/generate.ts";
import type { LocationTokens } from "../generate/hypothesis.ts";
import { meanLogProb, scoreSequences } from "../generate/score-sequences.ts";
import type { DecodingState, Features } from "../model/model.ts";
import type { LoadedModel } from "../model/open-model.ts";
import type { Answer } from "../parse/answer.ts";
import type { RatedLabels } from "../tasks/task.ts";

/** A prompt, and the labels to rate for it. */
export interface PromptToAnswer {
  readonly ids: readonly number[];
  readonly labels: RatedLabels | null;
}

/** What the model said to one prompt. */
export interface AnsweredPrompt {
  readonly answer: Answer;
  /** Mean log-probability of each label, if labels were to be rated. */
  readonly labelScores: readonly number[] | null;
}

export interface AnswerOptions {
  readonly numBeams: number;
  readonly maxTokens: number;
  readonly onToken?: (prompt: number, id: number, logProb: number) => void;
  /** Called as each prompt is done; an abort later loses none of these. */
  readonly onAnswer: (prompt: number, answered: AnsweredPrompt) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Answers every prompt; what was told to `onAnswer` is final.
 *
 * @throws FlorenceError `deadline_exceeded` if the signal is aborted.
 */
export async function answerPrompts(
  loaded: LoadedModel,
  features: Features,
  prompts: readonly PromptToAnswer[],
  options: AnswerOptions,
): Promise<void> {
  const { maxRows } = loaded.model.capabilities;
  const size = Math.max(1, Math.floor(maxRows / options.numBeams));
  for (let first = 0; first < prompts.length; first += size) {
    throwIfAborted(options.signal);
    const batch = prompts.slice(first, first + size);
    const state = await loaded.model.start(
      batch.map(({ ids }) => ({ features, ids })),
      { signal: options.signal },
    );
    try {
      await answerBatch(loaded, state, batch, first, options);
    } finally {
      await state.dispose();
    }
  }
}

async function answerBatch(
  loaded: LoadedModel,
  state: DecodingState,
  batch: readonly PromptToAnswer[],
  first: number,
  options: AnswerOptions,
): Promise<void> {
  const spec = loaded.manifest.generation;
  const scores = await rateLabels(loaded, state, batch, options);
  const closed = batch.flatMap(({ labels }, prompt) =>
    labels?.kind === "closed" ? [prompt] : [],
  );
  for (const prompt of closed) {
    const rated = scores.get(prompt)!;
    const best = rated.means.indexOf(Math.max(...rated.means));
    options.onAnswer(first + prompt, {
      answer: wholeAnswer(spec.bos_token_id, rated, best),
      labelScores: rated.means,
    });
  }
  state.finish(closed);

  const open = [...batch.keys()].filter((prompt) => !closed.includes(prompt));
  if (open.length === 0) return;
  await generate(state, open, {
    spec,
    numBeams: options.numBeams,
    maxTokens: options.maxTokens,
    locations: locationTokens(loaded),
    signal: options.signal,
    onToken: (prompt, id, logProb) =>
      options.onToken?.(first + prompt, id, logProb),
    onAnswer: (prompt, answer) => {
      const labelScores = scores.get(prompt)?.means ?? null;
      options.onAnswer(first + prompt, { answer, labelScores });
    },
  });
}

interface RatedSequences {
  readonly sequences: readonly (readonly number[])[];
  readonly logProbs: readonly (readonly number[])[];
  readonly means: readonly number[];
}

/** Rates the labels of those prompts that have some; by prompt. */
async function rateLabels(
  { tokenizer, manifest }: LoadedModel,
  state: DecodingState,
  batch: readonly PromptToAnswer[],
  options: AnswerOptions,
): Promise<ReadonlyMap<number, RatedSequences>> {
  const items = batch.flatMap(({ labels }, prompt) => {
    if (labels === null) return [];
    const end = labels.kind === "closed" ? [tokenizer.special.eos] : [];
    const sequences = labels.labels.map((label) => [
      ...tokenizer.encodePlain(label),
      ...end,
    ]);
    return [{ prompt, sequences }];
  });
  if (items.length === 0) return new Map();
  const scored = await scoreSequences(state, items, {
    spec: manifest.generation,
    signal: options.signal,
  });
  return new Map(
    items.map(({ prompt, sequences }, index) => {
      const logProbs = scored[index]!;
      return [
        prompt,
        { sequences, logProbs, means: logProbs.map(meanLogProb) },
      ];
    }),
  );
}

/** The answer that consists of one rated label. */
function wholeAnswer(
  bos: number,
  rated: RatedSequences,
  label: number,
): Answer {
  const ids = [bos, ...rated.sequences[label]!];
  return {
    ids,
    // The first token is forced: it says nothing of the label.
    logProbs: [0, ...rated.logProbs[label]!],
    spreads: ids.map(() => null),
    finishReason: "stop",
  };
}

function locationTokens({ tokenizer }: LoadedModel): LocationTokens {
  const { firstLocation: first, locationCount } = tokenizer.special;
  const ids = Array.from({ length: locationCount }, (_, bin) => first + bin);
  return { first, ids };
}
