// One request: a decoded image and its tasks in, one envelope out. The image
// is seen once, whatever the number of tasks.

import { FlorenceError, isFlorenceError } from "../errors.ts";
import type { ImageSize } from "../geometry.ts";
import type { DecodedImage } from "../image/decode-image.ts";
import type { Features } from "../model/model.ts";
import type { LoadedModel } from "../model/open-model.ts";
import type {
  AnalyzeOptions,
  Envelope,
  EnvelopeResult,
} from "../schema/analysis.ts";
import { toProblem } from "../schema/problem.ts";
import type { TaskRequest } from "../tasks/index.ts";
import type { FinishContext } from "../tasks/task.ts";
import { answerPrompts, type AnsweredPrompt } from "./answer-prompts.ts";
import type { AnalyzeEvents } from "./events.ts";
import { planTask, type PlannedTask, type RefusedTask } from "./plan-tasks.ts";
import type { ImageFacts, SeenImage } from "./seen-image.ts";

export type { AnalyzeEvents } from "./events.ts";

/** New tokens an answer may have if the request names no limit. */
const DEFAULT_MAX_TOKENS = 1024;

/** What the platform must bring. */
export interface Platform {
  /** Milliseconds; only differences and the date of the envelope depend on it. */
  readonly now: () => number;
  /** A new id, such as `an_01J...` for the prefix `an`. */
  readonly id: (prefix: string) => string;
  /** Lower-case hexadecimal SHA-256. */
  readonly sha256: (bytes: Uint8Array) => Promise<string>;
}

export interface AnalyzeInput {
  /** The image, or null where `seen` holds what is needed of it. */
  readonly image: DecodedImage | null;
  /** The file the image was decoded from; null as above. */
  readonly bytes: Uint8Array | null;
  /**
   * A vision pass from before, by this model and at the size that is asked for:
   * given, none is made.
   */
  readonly seen?: SeenImage | null;
  readonly tasks: readonly TaskRequest[];
  readonly options: AnalyzeOptions;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** What decoding took, for the envelope's timings. */
  readonly decodeMs?: number;
  /** The engine that answers, for the envelope. */
  readonly engine?: "edge" | "container" | "gpu";
  readonly signal?: AbortSignal | undefined;
}

/** Answers so far, by task and number of the prompt. */
type AnswersByTask = Map<PlannedTask, Map<number, AnsweredPrompt>>;

/**
 * Answers all tasks of a request over one vision pass.
 *
 * A task that fails, or is not finished when the signal is aborted, becomes a
 * problem among the results.
 *
 * @throws FlorenceError the first task's error if every task failed;
 *   `deadline_exceeded` if the signal was aborted before any was finished.
 */
export async function analyze(
  loaded: LoadedModel,
  input: AnalyzeInput,
  platform: Platform,
  events: AnalyzeEvents = {},
): Promise<Envelope> {
  const { options } = input;
  const startMs = platform.now();
  const facts = await factsOf(input, platform);
  const image: ImageSize = { width: facts.width, height: facts.height };
  const scale: ImageSize =
    options.coordinates === "normalized" ? { width: 1, height: 1 } : image;
  const planned = input.tasks.map((task, index) =>
    planTask(task, index, { ...loaded, image, scale }),
  );

  const features = await see(loaded, planned, input);
  const seenMs = platform.now();
  if (features !== null) {
    const { revision } = loaded.manifest;
    events.vision?.({ features, image: facts, modelRevision: revision });
  }

  const plans = planned.map((plan) => refuseTooLong(plan, features, loaded));
  const answered: AnswersByTask = new Map();
  const cut = await answerPlans(loaded, features, plans, input, answered);

  const context = { input, loaded, image, scale };
  const results = plans.map((plan): EnvelopeResult => {
    if ("error" in plan) return problemResult(plan);
    const own = answered.get(plan);
    const answers = plan.prompts.flatMap((_, at) => own?.get(at) ?? []);
    if (answers.length === plan.prompts.length) {
      return finishTask(plan, answers, context);
    }
    const { resultId, request } = plan;
    const error =
      cut ?? new FlorenceError("internal", "The task was not answered.");
    return problemResult({ resultId, request, error });
  });
  for (const result of results) events.result?.(result);

  const failed = plans.flatMap((plan) => ("error" in plan ? [plan.error] : []));
  const failures = results.filter((result) => result.status === "error").length;
  if (failures === results.length) throw failed[0] ?? cut ?? internalError();

  const endMs = platform.now();
  const decodeMs = input.decodeMs ?? 0;
  const prompts = plans.flatMap((plan) =>
    "error" in plan ? [] : plan.prompts,
  );
  const { manifest } = loaded;
  const engine = input.engine ?? "edge";
  return {
    id: platform.id("an"),
    object: "analysis",
    created: new Date(startMs).toISOString(),
    status: failures === 0 ? "completed" : "partial",
    image: facts,
    results,
    model: {
      id: manifest.id,
      revision: manifest.revision,
      quantization: manifest.precision,
      ...(features === null ? {} : { input_size: features.inputSize }),
    },
    engine: { used: engine, attempts: [{ engine, outcome: "ok" }] },
    usage: {
      vision_passes: features === null || isKept(input) ? 0 : 1,
      tiles: 1,
      prompt_tokens: prompts.reduce((sum, ids) => sum + ids.length, 0),
      output_tokens: [...answered.values()]
        .flatMap((own) => [...own.values()])
        .reduce((sum, { answer }) => sum + answer.ids.length, 0),
    },
    timings_ms: {
      decode: round(decodeMs),
      vision: round(seenMs - startMs),
      text: round(endMs - seenMs),
      total: round(decodeMs + endMs - startMs),
    },
    warnings: warningsOf(input),
    metadata: input.metadata ?? {},
  };
}

function isKept({ seen }: AnalyzeInput): boolean {
  return seen !== undefined && seen !== null;
}

/** What the envelope says of the image. */
async function factsOf(
  { image, bytes, seen }: AnalyzeInput,
  platform: Platform,
): Promise<ImageFacts> {
  if (seen !== undefined && seen !== null) return seen.image;
  if (image === null || bytes === null) {
    throw new Error("internal: neither an image nor what was seen of it");
  }
  return {
    ...image.size,
    media_type: image.mediaType,
    sha256: await platform.sha256(bytes),
    orientation_applied: image.orientationApplied,
  };
}

/** One vision pass, or none if no task can be answered or it was kept. */
async function see(
  loaded: LoadedModel,
  plans: readonly (PlannedTask | RefusedTask)[],
  { image, seen, options, signal }: AnalyzeInput,
): Promise<Features | null> {
  if (plans.every((plan) => "error" in plan)) return null;
  if (seen !== undefined && seen !== null) return seen.features;
  if (image === null) throw new Error("internal: no image to see");
  const [features] = await loaded.model.encode([image.image], {
    signal,
    ...(typeof options.input_size === "number" && {
      inputSize: options.input_size,
    }),
  });
  if (features === undefined) throw new Error("internal: no features");
  return features;
}

/** Refuses a task whose prompt does not fit the model beside the image. */
function refuseTooLong(
  plan: PlannedTask | RefusedTask,
  features: Features | null,
  { manifest }: LoadedModel,
): PlannedTask | RefusedTask {
  if ("error" in plan || features === null) return plan;
  const taken = features.tokens + features.hintIds.length;
  const longest = Math.max(...plan.prompts.map((ids) => ids.length));
  if (taken + longest <= manifest.text.positions) return plan;
  const { resultId, request, task } = plan;
  const error = new FlorenceError(
    "invalid_request",
    `The prompt of ${task.spelling} has ${longest} tokens; beside the image ${manifest.text.positions - taken} fit. Shorten the phrase or give fewer labels.`,
  );
  return { resultId, request, error };
}

/**
 * Answers the prompts of all tasks as one batch and files them by task.
 *
 * @returns the error that cut the work short, if one did.
 */
async function answerPlans(
  loaded: LoadedModel,
  features: Features | null,
  plans: readonly (PlannedTask | RefusedTask)[],
  { options, signal }: AnalyzeInput,
  answered: AnswersByTask,
): Promise<FlorenceError | null> {
  if (features === null) return null;
  const prompts = plans.flatMap((plan) =>
    "error" in plan
      ? []
      : plan.prompts.map((ids, at) => ({ plan, at, ids, labels: plan.labels })),
  );
  try {
    await answerPrompts(loaded, features, prompts, {
      numBeams: options.beams ?? 1,
      maxTokens: Math.min(
        options.max_tokens ?? DEFAULT_MAX_TOKENS,
        loaded.manifest.text.positions,
      ),
      signal,
      onAnswer(prompt, answer) {
        const { plan, at } = prompts[prompt]!;
        const own = answered.get(plan) ?? new Map<number, AnsweredPrompt>();
        own.set(at, answer);
        answered.set(plan, own);
      },
    });
    return null;
  } catch (error) {
    if (!isFlorenceError(error)) throw error;
    return error;
  }
}

interface FinishInput {
  readonly input: AnalyzeInput;
  readonly loaded: LoadedModel;
  readonly image: ImageSize;
  readonly scale: ImageSize;
}

function finishTask(
  plan: PlannedTask,
  answers: readonly AnsweredPrompt[],
  { input, loaded, image, scale }: FinishInput,
): EnvelopeResult {
  const labelScores = answers.flatMap((one) => one.labelScores ?? []);
  const context: FinishContext<TaskRequest> = {
    request: plan.request,
    tokenizer: loaded.tokenizer,
    image,
    scale,
    threshold: loaded.manifest.thresholds[plan.task.spelling] ?? null,
    minScore: input.options.min_score,
    includeRaw: input.options.include_raw,
    resultId: plan.resultId,
    ...(labelScores.length > 0 && {
      labelScores: answers.map((one) => one.labelScores ?? []),
    }),
  };
  return plan.task.finish(
    answers.map((one) => one.answer),
    context,
  );
}

function problemResult({
  resultId,
  request,
  error,
}: RefusedTask): EnvelopeResult {
  return {
    id: resultId,
    task: request.task,
    status: "error",
    problem: toProblem(error),
  };
}

function warningsOf({ image }: AnalyzeInput): string[] {
  return image?.scaled === true
    ? [
        "The JPEG was decoded at a reduced size before it was resized for the model; boxes refer to its full size.",
      ]
    : [];
}

function internalError(): Error {
  return new Error("internal: no task failed, and none was answered");
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
