// Where the answers of a request come together: which prompts are still open,
// which tasks are finished, and what is told of both.

import { FlorenceError } from "../errors.ts";
import type { ImageSize } from "../geometry.ts";
import type { LoadedModel } from "../model/open-model.ts";
import type { Answer } from "../parse/answer.ts";
import type { AnalyzeOptions, EnvelopeResult } from "../schema/analysis.ts";
import { toProblem } from "../schema/problem.ts";
import type { TaskPayload, TaskRequest } from "../tasks/index.ts";
import { calibrateInto, scoreOf, type ScoreMap } from "../tasks/calibrate.ts";
import type { FinishContext, ViewResult } from "../tasks/task.ts";
import type { AnsweredPrompt } from "./answer-prompts.ts";
import type { Cropper } from "./crops.ts";
import type { AnalyzeEvents } from "./events.ts";
import type { PlannedTask, RefusedTask } from "./plan-tasks.ts";
import { itemListsOf } from "./result-items.ts";
import { createAnswerTeller, type AnswerTeller } from "./tell-answer.ts";
import type { View } from "./views.ts";

/** One prompt over one view. */
export interface Unit {
  readonly plan: PlannedTask;
  readonly prompt: number;
  readonly view: View;
}

export interface BoardOptions {
  readonly loaded: LoadedModel;
  readonly options: AnalyzeOptions;
  /** Sides of the image as sent, in pixels, and in the unit of the results. */
  readonly image: ImageSize;
  readonly scale: ImageSize;
  readonly cropper: Cropper | null;
  readonly events: AnalyzeEvents;
  readonly warn: (message: string) => void;
}

export interface TaskBoard {
  /** What is to be asked of a view. */
  unitsOf(view: View): readonly Unit[];
  token(unit: Unit, id: number, logProb: number, spread: number | null): void;
  answer(unit: Unit, answered: AnsweredPrompt): void;
  fail(unit: Unit, error: FlorenceError): void;
  /**
   * Ends all tasks.
   *
   * @param cut why some are not finished; null if that cannot be.
   */
  close(cut: FlorenceError | null): ClosedBoard;
}

export interface ClosedBoard {
  /** One per task, in the order of the request. */
  readonly results: readonly EnvelopeResult[];
  /** Errors of the tasks that failed, in that order. */
  readonly errors: readonly FlorenceError[];
  /** Whether all tasks were finished on all views. */
  readonly isWhole: boolean;
}

/** The state of one task. */
interface Run {
  readonly plan: PlannedTask;
  readonly views: readonly View[];
  readonly answers: Map<View, (AnsweredPrompt | undefined)[]>;
  readonly tellers: Map<string, AnswerTeller>;
  /** Units that are neither answered nor failed. */
  open: number;
  error: FlorenceError | null;
}

/**
 * @param plans the tasks in order.
 * @param views those of the image: the whole one first, then its tiles.
 */
export function createTaskBoard(
  plans: readonly (PlannedTask | RefusedTask)[],
  views: readonly View[],
  board: BoardOptions,
): TaskBoard {
  const { events, cropper } = board;
  const results = new Map<PlannedTask | RefusedTask, EnvelopeResult>();
  const errors = new Map<PlannedTask | RefusedTask, FlorenceError>();
  let isWhole = true;

  const settle = (
    plan: PlannedTask | RefusedTask,
    result: EnvelopeResult,
  ): void => {
    results.set(plan, result);
    events.result?.(result);
  };
  const refuse = (
    plan: PlannedTask | RefusedTask,
    error: FlorenceError,
  ): void => {
    errors.set(plan, error);
    settle(plan, problemResult(plan, error));
  };
  /** Ends a task with what there is of it. */
  const end = (run: Run, cut: FlorenceError | null): void => {
    const { plan } = run;
    const answered = run.views.filter((view) => isAnswered(run, view));
    const error = run.error ?? cut;
    if (answered.length === 0 || (error !== null && plan.tiling === null)) {
      refuse(plan, error ?? notAnswered());
      return;
    }
    if (answered.length < run.views.length) {
      isWhole = false;
      board.warn(
        `${plan.resultId} (${plan.asked.spelling}) covers ${answered.length} of ${run.views.length} views of the image: ${(error ?? notAnswered()).message}`,
      );
    }
    const result =
      plan.tiling === null
        ? readView(run, answered[0]!, board)
        : mergeViews(run, answered, board);
    calibrate(result, plan, board);
    cropper?.addInto(result);
    if (plan.tiling !== null) tellAll(result, events);
    settle(plan, result);
  };

  const runs = new Map<PlannedTask, Run>();
  for (const plan of plans) {
    if ("error" in plan) {
      refuse(plan, plan.error);
      continue;
    }
    const own = views.filter((view) => isAsked(plan, view));
    runs.set(plan, {
      plan,
      views: own,
      answers: new Map(own.map((view) => [view, []])),
      tellers: new Map(),
      open: own.length * plan.prompts.length,
      error: null,
    });
  }

  const close = (run: Run): void => {
    run.open -= 1;
    if (run.open === 0) end(run, null);
  };
  const tellerOf = ({ plan, prompt, view }: Unit): AnswerTeller | null => {
    if (plan.tiling !== null) return null;
    const run = runs.get(plan)!;
    const key = String(prompt);
    const known = run.tellers.get(key);
    if (known !== undefined) return known;
    const read = (answers: readonly Answer[]): TaskPayload => {
      const context = contextOf(plan, view, board);
      const result = plan.task.finish(answers, context);
      calibrate(result, plan, board);
      cropper?.addInto(result);
      return result;
    };
    const teller = createAnswerTeller(plan, prompt, board.loaded, read, events);
    run.tellers.set(key, teller);
    return teller;
  };

  return {
    unitsOf: (view) =>
      [...runs.values()].flatMap(({ plan, views: own }) =>
        own.includes(view)
          ? plan.prompts.map((_, prompt): Unit => ({ plan, prompt, view }))
          : [],
      ),
    token(unit, id, logProb, spread) {
      tellerOf(unit)?.push(id, logProb, spread);
    },
    answer(unit, answered) {
      tellerOf(unit)?.end(answered.answer);
      const run = runs.get(unit.plan)!;
      run.answers.get(unit.view)![unit.prompt] = answered;
      close(run);
    },
    fail({ plan }, error) {
      const run = runs.get(plan)!;
      run.error ??= error;
      close(run);
    },
    close(cut) {
      for (const run of runs.values()) {
        if (!results.has(run.plan)) end(run, cut);
      }
      return {
        results: plans.map((plan) => results.get(plan)!),
        errors: plans.flatMap((plan) => errors.get(plan) ?? []),
        isWhole: isWhole && errors.size === 0,
      };
    },
  };
}

/** Whether a task looks at a view. */
export function isAsked({ tiling }: PlannedTask, { tile }: View): boolean {
  return tile === null ? (tiling?.whole ?? true) : tiling !== null;
}

function isAnswered({ plan, answers }: Run, view: View): boolean {
  const own = answers.get(view)!;
  return plan.prompts.every((_, prompt) => own[prompt] !== undefined);
}

function readView(run: Run, view: View, board: BoardOptions): TaskPayload {
  const own = run.answers.get(view)!.map((answered) => answered!);
  const labelScores = own.flatMap((one) => one.labelScores ?? []);
  return run.plan.task.finish(
    own.map(({ answer }) => answer),
    {
      ...contextOf(run.plan, view, board),
      ...(labelScores.length > 0 && {
        labelScores: own.map((one) => one.labelScores ?? []),
      }),
    },
  );
}

function mergeViews(
  run: Run,
  views: readonly View[],
  board: BoardOptions,
): TaskPayload {
  const { plan } = run;
  const read = views.map((view): ViewResult<TaskPayload> => {
    const result = readView(run, view, board);
    return { tile: view.tile, box: view.box, result };
  });
  return plan.tiling!.merge(read, {
    ...contextOf(plan, views[0]!, board),
    request: plan.request,
    image: board.image,
    scale: board.scale,
  });
}

/**
 * The bundle's map of scores to chances. Who reads for another task has other
 * scores than that.
 */
function scoreMapOf(
  { task, asked }: PlannedTask,
  { loaded }: BoardOptions,
): ScoreMap | undefined {
  if (task !== asked) return undefined;
  return loaded.manifest.calibration?.[task.spelling];
}

function calibrate(
  result: TaskPayload,
  plan: PlannedTask,
  board: BoardOptions,
): void {
  const map = scoreMapOf(plan, board);
  if (map !== undefined) calibrateInto(result, map);
}

function contextOf(
  plan: PlannedTask,
  view: View,
  board: BoardOptions,
): FinishContext<TaskRequest> {
  const { loaded, options } = board;
  const map = scoreMapOf(plan, board);
  const { spelling } = plan.task;
  const least =
    options.min_score ?? loaded.manifest.min_scores?.[spelling] ?? 0;
  return {
    request: plan.read,
    tokenizer: loaded.tokenizer,
    image: view.size,
    scale: view.scale,
    threshold: loaded.manifest.thresholds[spelling] ?? null,
    // The limit is in the unit of the scores that are told.
    minScore: map === undefined ? least : scoreOf(map, least),
    includeRaw: options.include_raw,
    resultId: plan.resultId,
  };
}

function tellAll(result: TaskPayload, events: AnalyzeEvents): void {
  for (const { kind, items } of itemListsOf(result)) {
    for (const item of items) {
      events.object?.({ result_id: result.id, kind, item: { ...item } });
    }
  }
  if ("text" in result && !("lines" in result) && result.text !== "") {
    events.token?.({ result_id: result.id, delta: result.text });
  }
}

function problemResult(
  { resultId, request }: PlannedTask | RefusedTask,
  error: FlorenceError,
): EnvelopeResult {
  return {
    id: resultId,
    task: request.task,
    status: "error",
    problem: toProblem(error),
  };
}

function notAnswered(): FlorenceError {
  return new FlorenceError("internal", "The task was not answered.");
}
