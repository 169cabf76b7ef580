// Answers prompts over what was seen, in batches that fit the backend.

import {
  isFlorenceError,
  throwIfAborted,
  type ErrorCode,
  type FlorenceError,
} from "../errors.ts";
import { generate } from "../generate/generate.ts";
import type { LocationTokens } from "../generate/hypothesis.ts";
import { meanLogProb, scoreSequences } from "../generate/score-sequences.ts";
import type { DecodingState, Features, WrittenAnswer } from "../model/model.ts";
import type { LoadedModel } from "../model/open-model.ts";
import type { Answer } from "../parse/answer.ts";
import type { RatedLabels } from "../tasks/task.ts";
import { outlineAnswer } from "./outline-answer.ts";
import { hintsOf, placesOf, sightOf, wordsOf } from "./prompt-hints.ts";

/** A prompt over an image, and the labels to rate for it. */
export interface PromptToAnswer {
  readonly features: Features;
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
  /** As `maxTokens`, of answers that the vision side wrote itself. */
  readonly maxWrittenTokens: number;
  readonly onToken: (
    prompt: number,
    id: number,
    logProb: number,
    spread: number | null,
  ) => void;
  /** Called as each prompt is done; an abort later loses none of these. */
  readonly onAnswer: (prompt: number, answered: AnsweredPrompt) => void;
  /** Called for each prompt of a batch that failed and was not done yet. */
  readonly onError: (prompt: number, error: FlorenceError) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Errors after which no other batch has a chance. */
const FINAL: readonly ErrorCode[] = ["deadline_exceeded", "engine_unavailable"];

/**
 * Answers every prompt; what was told to `onAnswer` is final. A batch that
 * fails does not keep the others from being answered.
 *
 * @throws FlorenceError `deadline_exceeded` if the signal is aborted,
 *   `engine_unavailable` if the backend is gone.
 */
export async function answerPrompts(
  loaded: LoadedModel,
  prompts: readonly PromptToAnswer[],
  options: AnswerOptions,
): Promise<void> {
  const { maxRows, maxPrompts } = loaded.model.capabilities;
  const rows = Math.max(1, Math.floor(maxRows / options.numBeams));
  const size = Math.min(rows, maxPrompts ?? rows);
  throwIfAborted(options.signal);
  const asked: { readonly prompt: PromptToAnswer; readonly number: number }[] =
    [];
  for (const [number, prompt] of prompts.entries()) {
    const written = sightOf(prompt)?.answer;
    if (written === undefined) asked.push({ prompt, number });
    else tellWritten(written, number, options);
  }
  for (let first = 0; first < asked.length; first += size) {
    throwIfAborted(options.signal);
    const batch = asked.slice(first, first + size);
    const done = new Set<number>();
    try {
      await startBatch(
        loaded,
        batch.map(({ prompt }) => prompt),
        {
          ...options,
          onToken(prompt, ...token) {
            options.onToken(batch[prompt]!.number, ...token);
          },
          onAnswer(prompt, answered) {
            done.add(prompt);
            options.onAnswer(batch[prompt]!.number, answered);
          },
        },
      );
    } catch (error) {
      if (!isFlorenceError(error) || FINAL.includes(error.code)) throw error;
      for (const [index, { number }] of batch.entries()) {
        if (!done.has(index)) options.onError(number, error);
      }
    }
  }
}

/** An answer that was there before anybody asked the language model. */
function tellWritten(
  { ids, logProbs }: WrittenAnswer,
  prompt: number,
  options: AnswerOptions,
): void {
  const answer: Answer = {
    ids: ids.slice(0, options.maxWrittenTokens),
    logProbs: logProbs.slice(0, options.maxWrittenTokens),
    spreads: ids.slice(0, options.maxWrittenTokens).map(() => null),
    finishReason: ids.length > options.maxWrittenTokens ? "length" : "stop",
  };
  tellWhole(prompt, { answer, labelScores: null }, options);
}

/** All tokens of an answer, and its end. */
function tellWhole(
  prompt: number,
  answered: AnsweredPrompt,
  options: AnswerOptions,
): void {
  const { ids, logProbs, spreads } = answered.answer;
  for (const [at, id] of ids.entries())
    options.onToken(prompt, id, logProbs[at]!, spreads[at] ?? null);
  options.onAnswer(prompt, answered);
}

async function startBatch(
  loaded: LoadedModel,
  batch: readonly PromptToAnswer[],
  options: AnswerOptions,
): Promise<void> {
  const state = await loaded.model.start(
    batch.map((prompt) => {
      const { features, ids } = prompt;
      const hintIds = hintsOf(prompt, loaded);
      if (hintIds === features.hintIds) return { features, ids };
      return { features: { ...features, hintIds }, ids };
    }),
    { signal: options.signal },
  );
  try {
    await answerBatch(loaded, state, batch, options);
  } finally {
    await state.dispose();
  }
}

async function answerBatch(
  loaded: LoadedModel,
  state: DecodingState,
  batch: readonly PromptToAnswer[],
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
    options.onAnswer(prompt, {
      answer: wholeAnswer(spec.bos_token_id, rated, best),
      labelScores: rated.means,
    });
  }
  state.finish(closed);

  const open = [...batch.keys()].filter((prompt) => !closed.includes(prompt));
  if (open.length === 0) return;
  const places = batch.map((prompt) => placesOf(prompt, loaded));
  const words = batch.map((prompt) => wordsOf(prompt, loaded));
  const outlines = batch.map((prompt) => sightOf(prompt)?.outlines);
  await generate(state, open, {
    spec,
    allowed: (prompt, ids) => words[prompt]?.(ids) ?? null,
    banned: (prompt, ids) => places[prompt]?.(ids) ?? [],
    numBeams: options.numBeams,
    maxTokens: options.maxTokens,
    locations: locationTokens(loaded),
    signal: options.signal,
    onToken: (prompt, id, logProb, spread) => {
      // What the boxes become is known when the last of them is.
      if (outlines[prompt] === undefined)
        options.onToken(prompt, id, logProb, spread);
    },
    onAnswer: (prompt, said) => {
      const labelScores = scores.get(prompt)?.means ?? null;
      const known = outlines[prompt];
      if (known === undefined) {
        options.onAnswer(prompt, { answer: said, labelScores });
        return;
      }
      const answer = outlineAnswer(said, known, loaded.tokenizer);
      tellWhole(prompt, { answer, labelScores }, options);
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
