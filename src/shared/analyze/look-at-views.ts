// Sees the views of an image one after the other and asks each what is to be
// asked: the whole image first, then its tiles.

import { FlorenceError, isFlorenceError } from "../errors.ts";
import type { Features } from "../model/model.ts";
import type { LoadedModel } from "../model/open-model.ts";
import { answerPrompts, type PromptToAnswer } from "./answer-prompts.ts";
import type { AnalyzeInput, Platform } from "./analyze.ts";
import type { AnalyzeEvents } from "./events.ts";
import { hintsOf, isUnseen, sightOf } from "./prompt-hints.ts";
import type { ImageFacts } from "./seen-image.ts";
import type { TaskBoard, Unit } from "./task-board.ts";
import { imageOf, type View } from "./views.ts";

/** New tokens an answer may have if the request names no limit. */
const DEFAULT_MAX_TOKENS = 1024;

/** What the look took. */
export interface Look {
  /** The error that ended it early, if one did. */
  readonly cut: FlorenceError | null;
  readonly visionPasses: number;
  readonly visionMs: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Side the views were seen at; null if none was. */
  readonly inputSize: number | null;
}

export interface LookOptions {
  readonly loaded: LoadedModel;
  readonly input: AnalyzeInput;
  readonly platform: Platform;
  readonly board: TaskBoard;
  readonly facts: ImageFacts;
  readonly events: AnalyzeEvents;
}

/**
 * Answers what the board has open on each view.
 *
 * As many views are seen in one pass as the backend takes: in an isolate one,
 * so that a single set of activations is held at a time.
 *
 * @throws FlorenceError `engine_unavailable` if the backend is gone; what else
 *   can fail stands in the board or is `cut`.
 */
export async function lookAtViews(
  views: readonly View[],
  options: LookOptions,
): Promise<Look> {
  const { loaded, platform, board } = options;
  const look = {
    visionPasses: 0,
    visionMs: 0,
    promptTokens: 0,
    outputTokens: 0,
    inputSize: null as number | null,
  };
  const [first, ...rest] = views;
  const { maxImages = 1 } = loaded.model.capabilities;
  const passes: (readonly View[])[] = [];
  if (first?.tile === null) passes.push([first]);
  const tiles = first?.tile === null ? rest : views;
  for (let at = 0; at < tiles.length; at += maxImages) {
    passes.push(tiles.slice(at, at + maxImages));
  }

  for (const pass of passes) {
    const units = pass.flatMap((view) => board.unitsOf(view));
    try {
      const startMs = platform.now();
      const prompts = pass.map((view) =>
        units
          .filter((unit) => unit.view === view)
          .map(({ plan, prompt }) => plan.prompts[prompt]!),
      );
      const features = await see(pass, prompts, options);
      look.visionMs += platform.now() - startMs;
      look.visionPasses += features.isNew ? pass.length : 0;
      look.inputSize = features.all[0]?.inputSize ?? null;
      const seenOf = new Map(
        pass.map((view, index) => [view, features.all[index]!]),
      );
      await ask(units, seenOf, options, look);
    } catch (error) {
      if (!isFlorenceError(error) || error.code === "engine_unavailable") {
        throw error;
      }
      if (error.code === "deadline_exceeded") return { ...look, cut: error };
      for (const unit of units) board.fail(unit, error);
    }
  }
  return { ...look, cut: null };
}

/** One pass over some views, or what was kept of the whole image. */
async function see(
  pass: readonly View[],
  prompts: readonly (readonly (readonly number[])[])[],
  { loaded, input, facts, events }: LookOptions,
): Promise<{ readonly all: readonly Features[]; readonly isNew: boolean }> {
  const { image, seen, options, signal } = input;
  const isWhole = pass[0]!.tile === null;
  const kept = isWhole ? (seen ?? null) : null;
  const mustLook =
    kept !== null &&
    image !== null &&
    prompts[0]!.some((ids) =>
      isUnseen({ features: kept.features, ids }, loaded),
    );
  if (kept !== null && !mustLook) {
    events.vision?.(kept);
    return { all: [kept.features], isNew: false };
  }
  if (image === null) throw new Error("internal: no image to see");
  const all = await loaded.model.encode(
    pass.map((view) => imageOf(view, image.image)),
    {
      signal,
      prompts,
      ...(typeof options.input_size === "number" && {
        inputSize: options.input_size,
      }),
    },
  );
  if (all.length !== pass.length) throw new Error("internal: no features");
  if (isWhole) {
    const { revision } = loaded.manifest;
    const features = all[0]!;
    events.vision?.({ features, image: facts, modelRevision: revision });
  }
  return { all, isNew: true };
}

/** Answers the prompts of all units as one batch, as far as they fit. */
async function ask(
  units: readonly Unit[],
  seenOf: ReadonlyMap<View, Features>,
  { loaded, input, board }: LookOptions,
  look: { promptTokens: number; outputTokens: number },
): Promise<void> {
  const { manifest } = loaded;
  const fitting: Unit[] = [];
  const prompts: PromptToAnswer[] = [];
  for (const unit of units) {
    const features = seenOf.get(unit.view)!;
    const ids = unit.plan.prompts[unit.prompt]!;
    if (isUnseen({ features, ids }, loaded)) {
      board.fail(unit, unseen(unit));
      continue;
    }
    const { answer } = sightOf({ features, ids }) ?? {};
    const hints = hintsOf({ features, ids }, loaded).length;
    const room = manifest.text.positions - features.tokens - hints;
    if (answer === undefined && ids.length > room) {
      board.fail(unit, tooLong(unit, ids.length, room));
      continue;
    }
    fitting.push(unit);
    prompts.push({ features, ids, labels: unit.plan.labels });
    look.promptTokens += ids.length;
  }
  const { options, signal } = input;
  await answerPrompts(loaded, prompts, {
    numBeams: options.beams ?? 1,
    maxTokens: Math.min(
      options.max_tokens ?? DEFAULT_MAX_TOKENS,
      manifest.text.positions,
    ),
    maxWrittenTokens: options.max_tokens ?? Infinity,
    signal,
    onToken: (prompt, id, logProb, spread) => {
      board.token(fitting[prompt]!, id, logProb, spread);
    },
    onAnswer: (prompt, answered) => {
      look.outputTokens += answered.answer.ids.length;
      board.answer(fitting[prompt]!, answered);
    },
    onError: (prompt, error) => {
      board.fail(fitting[prompt]!, error);
    },
  });
}

function unseen({ plan }: Unit): FlorenceError {
  return new FlorenceError(
    "invalid_request",
    `For ${plan.asked.spelling} this model looks at the image once more, and only what it saw before is at hand. Send the image itself.`,
  );
}

function tooLong({ plan }: Unit, tokens: number, room: number): FlorenceError {
  return new FlorenceError(
    "invalid_request",
    `The prompt of ${plan.asked.spelling} has ${tokens} tokens; beside the image ${room} fit. Shorten the phrase or give fewer labels.`,
  );
}
