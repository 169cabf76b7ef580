// Answers as tests write them: text with added tokens, one log-prob per token.

import type { ImageSize } from "../../../src/shared/geometry.ts";
import type { Answer } from "../../../src/shared/parse/answer.ts";
import type { TaskRequest } from "../../../src/shared/tasks/index.ts";
import type { FinishContext } from "../../../src/shared/tasks/task.ts";
import { byteTokenizer } from "../tokenizer/byte-tokenizer.ts";

/** A request of one task. */
export type RequestOf<Name extends TaskRequest["task"]> = Extract<
  TaskRequest,
  { readonly task: Name }
>;

/** The image of the spec's worked examples. */
export const IMAGE: ImageSize = { width: 640, height: 480 };

/** An answer whose tokens all have one log-prob, or one each. */
export function answerOf(
  text: string,
  logProbs: number | ((text: string, at: number) => number) = Math.log(0.5),
  finishReason: Answer["finishReason"] = "stop",
): Answer {
  const ids = byteTokenizer.encode(text);
  return {
    ids,
    logProbs: ids.map((id, at) =>
      typeof logProbs === "number"
        ? logProbs
        : logProbs(byteTokenizer.tokenText(id), at),
    ),
    spreads: ids.map((id) =>
      byteTokenizer.locationBin(id) === undefined ? null : 2,
    ),
    finishReason,
  };
}

/** What a task is finished with, in pixels of `IMAGE`. */
export function contextOf<Request>(
  request: Request,
  more: Partial<FinishContext<Request>> = {},
): FinishContext<Request> {
  return {
    request,
    tokenizer: byteTokenizer,
    image: IMAGE,
    scale: IMAGE,
    threshold: null,
    minScore: 0,
    includeRaw: false,
    resultId: "t0",
    ...more,
  };
}

/** `<loc_1><loc_2>…` */
export function bins(...values: readonly number[]): string {
  return values.map((value) => `<loc_${value}>`).join("");
}

/** Asserts-friendly: numbers rounded to six places, all the way down. */
export function rounded<T>(value: T): T {
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) =>
      typeof inner === "number" ? Math.round(inner * 1e6) / 1e6 : inner,
    ),
  ) as T;
}
