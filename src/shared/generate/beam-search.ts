// Beam search of one prompt, step by step, as the reference does it: 2K
// candidates, of which only the first K may finish, scores in float32, and a
// heuristic that ends the search when no running beam can win.
// Source: `GenerationMixin._beam_search` in huggingface/transformers 5.x.

import type { StepResult, TokenChoice } from "../model/model.ts";
import type { GenerationSpec } from "../model/manifest.ts";
import type { Answer } from "../parse/answer.ts";
import {
  emptyHypothesis,
  extend,
  toAnswer,
  type Hypothesis,
  type LocationTokens,
} from "./hypothesis.ts";
import type { NextTokenRule } from "./processors.ts";

const NEVER = -1e9;

interface Beam {
  readonly hypothesis: Hypothesis;
  /** Sum of processed log-probabilities, float32. */
  readonly score: number;
}

interface Finished extends Beam {
  readonly isFinished: boolean;
}

interface Candidate {
  readonly beam: number;
  readonly choice: TokenChoice;
  readonly score: number;
}

/** The state of one prompt's search. */
export interface BeamSearch {
  /** Running beams, best first; always `numBeams`. */
  readonly running: readonly Beam[];
  readonly finished: readonly Finished[];
  /** Whether a running beam could still win. */
  readonly isImprovable: boolean;
  readonly isDone: boolean;
  /** For each running beam, the one of the step before it goes on from. */
  readonly parents: readonly number[];
}

export interface BeamOptions {
  readonly numBeams: number;
  readonly maxLength: number;
  readonly spec: GenerationSpec;
  readonly locations: LocationTokens | null;
}

/** The search before its first step. */
export function startBeamSearch(options: BeamOptions): BeamSearch {
  const empty = emptyHypothesis(options.spec.decoder_start_token_id);
  const beams = Array.from({ length: options.numBeams }, (_, index) => ({
    hypothesis: empty,
    score: index === 0 ? 0 : NEVER,
  }));
  return {
    running: beams,
    finished: beams.map(() => ({
      hypothesis: empty,
      score: NEVER,
      isFinished: false,
    })),
    isImprovable: true,
    isDone: false,
    parents: beams.map(() => -1),
  };
}

/**
 * One step of the search.
 *
 * @param results one for each running beam, with `2 * numBeams` best choices.
 * @param rules the rule each running beam was stepped with.
 */
export function advanceBeamSearch(
  search: BeamSearch,
  results: readonly StepResult[],
  rules: readonly NextTokenRule[],
  options: BeamOptions,
): BeamSearch {
  const { numBeams, spec } = options;
  const length = search.running[0]!.hypothesis.ids.length + 1;
  const candidates = bestCandidates(search, results, rules, 2 * numBeams);
  const hits = candidates.map(
    ({ choice }) =>
      choice.id === spec.eos_token_id || length >= options.maxLength,
  );
  const extendCandidate = (candidate: Candidate): Hypothesis =>
    extend(
      search.running[candidate.beam]!.hypothesis,
      candidate.choice,
      results[candidate.beam]!,
      options.locations,
    );

  const next = rank(
    candidates.map((candidate, index) =>
      hits[index] === true ? f32(candidate.score + NEVER) : candidate.score,
    ),
  ).slice(0, numBeams);
  const running = next.map(({ index, score }) => ({
    hypothesis: extendCandidate(candidates[index]!),
    score,
  }));

  const isFull =
    spec.early_stopping && search.finished.every((slot) => slot.isFinished);
  const divisor = f32((length - 1) ** spec.length_penalty);
  const slots: Finished[] = [...search.finished];
  for (const [index, candidate] of candidates.entries()) {
    const hasFinished = hits[index] === true && index < numBeams;
    let score = f32(candidate.score / divisor);
    if (isFull) score = f32(score + NEVER);
    if (!search.isImprovable) score = f32(score + NEVER);
    if (!hasFinished) score = f32(score + NEVER);
    // A candidate that has not finished can only fill a slot nobody reads.
    const hypothesis = hasFinished
      ? extendCandidate(candidate)
      : search.running[candidate.beam]!.hypothesis;
    slots.push({ hypothesis, score, isFinished: hasFinished });
  }
  const finished = rank(slots.map((slot) => slot.score))
    .slice(0, numBeams)
    .map(({ index }) => slots[index]!);

  const isImprovable =
    search.isImprovable && canImprove(running, finished, length, spec);
  const isDone =
    !isImprovable ||
    (spec.early_stopping && finished.every((slot) => slot.isFinished)) ||
    hits.every(Boolean);
  const parents = next.map(({ index }) => candidates[index]!.beam);
  return { running, finished, isImprovable, isDone, parents };
}

/** The best finished answer, or the best running one if none has finished. */
export function bestAnswer(search: BeamSearch, options: BeamOptions): Answer {
  const best = search.finished[0]!;
  const { hypothesis } = best.isFinished ? best : search.running[0]!;
  const isWhole =
    best.isFinished &&
    hypothesis.ids.at(-1) === options.spec.eos_token_id &&
    hypothesis.ids.length < options.maxLength;
  return toAnswer(hypothesis, isWhole ? "stop" : "length");
}

/** The best continuations over all beams; ties go to the lower flat index. */
function bestCandidates(
  search: BeamSearch,
  results: readonly StepResult[],
  rules: readonly NextTokenRule[],
  count: number,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (const [beam, { score }] of search.running.entries()) {
    const isForced = rules[beam]!.forced !== null;
    for (const choice of results[beam]!.best) {
      const logProb = isForced ? 0 : choice.logProb;
      candidates.push({ beam, choice, score: f32(f32(logProb) + score) });
    }
  }
  candidates.sort(
    (a, b) => b.score - a.score || a.beam - b.beam || a.choice.id - b.choice.id,
  );
  const best = candidates.slice(0, count);
  // Bans and forced tokens can leave fewer; the reference then carries
  // impossible candidates along, which can never win.
  while (best.length < count && best.length > 0) {
    best.push({ ...best[0]!, score: -Infinity });
  }
  return best;
}

/** Whether the best running beam beats the worst finished slot. */
function canImprove(
  running: readonly Beam[],
  finished: readonly Finished[],
  length: number,
  spec: GenerationSpec,
): boolean {
  const divisor = f32((length - 1) ** spec.length_penalty);
  const best = f32(running[0]!.score / divisor);
  const worst = Math.min(...finished.map((slot) => slot.score));
  return finished.some((slot) => best > (slot.isFinished ? worst : NEVER));
}

/** Positions by score, best first; ties keep their order. */
function rank(
  scores: readonly number[],
): { readonly index: number; readonly score: number }[] {
  return scores
    .map((score, index) => ({ index, score }))
    .sort((a, b) =>
      a.score === b.score ? a.index - b.index : b.score - a.score,
    );
}

/** The reference accumulates in float32; near ties depend on it. */
function f32(value: number): number {
  return Math.fround(value);
}
