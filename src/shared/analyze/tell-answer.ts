// What is told of one answer while it is written: the text as it goes on, each
// item when it is whole.

import type { Answer } from "../parse/answer.ts";
import { NO_ANSWER } from "../tasks/frame.ts";
import type { TaskPayload } from "../tasks/index.ts";
import { closedPartOf } from "./closed-items.ts";
import type { AnalyzeEvents } from "./events.ts";
import type { PlannedTask } from "./plan-tasks.ts";
import { itemListsOf } from "./result-items.ts";
import { createTextDeltas } from "./text-deltas.ts";
import type { LoadedModel } from "../model/open-model.ts";
import { regionId } from "../tasks/regions.ts";

/** Follows one answer. */
export interface AnswerTeller {
  push(id: number, logProb: number, spread: number | null): void;
  /** The answer that those tokens made. */
  end(answer: Answer): void;
}

/**
 * @param prompt number of the prompt within its task.
 * @param read makes a result of answers, as they will stand in the envelope.
 */
export function createAnswerTeller(
  plan: PlannedTask,
  prompt: number,
  { tokenizer, manifest }: LoadedModel,
  read: (answers: readonly Answer[]) => TaskPayload,
  events: AnalyzeEvents,
): AnswerTeller {
  const region =
    "regions" in plan.request ? plan.request.regions[prompt] : undefined;
  const about = {
    result_id: plan.resultId,
    ...(region !== undefined && { region_id: regionId(region, prompt) }),
  };

  if (plan.task.answers === "text") {
    // Of closed labels one is chosen: nothing is written.
    const isChosen = plan.labels?.kind === "closed";
    if (events.token === undefined || isChosen) return SILENT;
    const deltas = createTextDeltas(tokenizer, (delta) => {
      events.token?.({ ...about, delta });
    });
    return {
      push: (id) => {
        deltas.push(id);
      },
      end: (answer) => {
        deltas.end(answer);
      },
    };
  }

  if (events.object === undefined) return SILENT;
  const closedPart = closedPartOf(
    plan.task.answers,
    tokenizer,
    manifest.generation.suppress_tokens,
  );
  const ids: number[] = [];
  const logProbs: number[] = [];
  const spreads: (number | null)[] = [];
  let told = 0;

  const tell = (answer: Answer): void => {
    const answers = plan.prompts.map((_, at) =>
      at === prompt ? answer : NO_ANSWER,
    );
    for (const { kind, region: of, items } of itemListsOf(read(answers))) {
      if (of !== null && of.index !== prompt) continue;
      for (const item of items.slice(told)) {
        events.object?.({ ...about, kind, item: { ...item } });
      }
      told = Math.max(told, items.length);
    }
  };
  return {
    push(id, logProb, spread) {
      ids.push(id);
      logProbs.push(logProb);
      spreads.push(spread);
      const part = closedPart?.(ids) ?? null;
      if (part === null) return;
      tell({
        ids: ids.slice(0, part),
        logProbs: logProbs.slice(0, part),
        spreads: spreads.slice(0, part),
        finishReason: "stop",
      });
    },
    end: tell,
  };
}

const SILENT: AnswerTeller = {
  push: () => undefined,
  end: () => undefined,
};
