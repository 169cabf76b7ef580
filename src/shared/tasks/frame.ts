// The part of a result that is the same for every task.

import type { Answer } from "../parse/answer.ts";
import type { Dropped } from "../parse/pieces.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { DroppedItem, Raw } from "./result-fields.ts";
import type { FinishContext } from "./task.ts";

/** An answer nobody gave: used where a prompt has none. */
export const NO_ANSWER: Answer = {
  ids: [],
  logProbs: [],
  spreads: [],
  finishReason: "stop",
};

interface Head {
  status: "ok" | "no_detection";
  finish_reason: Answer["finishReason"];
  score_kind: "sequence_logprob";
}

interface Tail {
  dropped?: DroppedItem[];
  raw?: Raw;
}

/** The answer to prompt `index`, an empty one if there is none. */
export function answerAt(answers: readonly Answer[], index: number): Answer {
  return answers[index] ?? NO_ANSWER;
}

/** Status, finish reason and kind of score of a result. */
export function resultHead(answers: readonly Answer[], isEmpty: boolean): Head {
  const isCut = answers.some((answer) => answer.finishReason === "length");
  return {
    status: isEmpty ? "no_detection" : "ok",
    finish_reason: isCut ? "length" : "stop",
    score_kind: "sequence_logprob",
  };
}

/** What was left out of an answer, and the answer itself if asked for. */
export function resultTail(
  answer: Answer,
  dropped: readonly Dropped[],
  context: Pick<FinishContext<unknown>, "includeRaw" | "tokenizer">,
): Tail {
  const items = dropped
    .map(({ reason, at }) => ({ reason, at: at[0] ?? 0 }))
    .sort((a, b) => a.at - b.at);
  return {
    ...(items.length > 0 && { dropped: items }),
    ...(context.includeRaw && { raw: rawAnswer(answer, context.tokenizer) }),
  };
}

function rawAnswer(answer: Answer, tokenizer: Tokenizer): Raw {
  return {
    text: tokenizer.decode(answer.ids),
    token_ids: [...answer.ids],
    log_probs: [...answer.logProbs],
  };
}
