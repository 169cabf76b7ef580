// What a task is: a row of one table, from the request's schema over the
// prompt to the result. Nothing else in the project knows tasks by name.

import type { GenericSchema } from "valibot";
import type { Box, ImageSize } from "../geometry.ts";
import type { Answer } from "../parse/answer.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** Text, encoded so that it stays text, or one token as it is. */
export type PromptPart = string | { readonly token: number };

/** What a prompt may depend on besides the request. */
export interface PromptContext {
  readonly tokenizer: Tokenizer;
  /** Size of the image as sent, in pixels. */
  readonly image: ImageSize;
  /**
   * The image's size in the unit of `options.coordinates`: the unit of boxes in
   * requests as well as results. `image` for pixel, 1 by 1 for normalized.
   */
  readonly scale: ImageSize;
  /** Where the task stands in the request, e.g. `/tasks/2`; `""` if left out. */
  readonly pointer?: string;
}

/** What a result is made of besides the answers. */
export interface FinishContext<Request> {
  readonly request: Request;
  readonly tokenizer: Tokenizer;
  /** Size of the image as sent, in pixels. */
  readonly image: ImageSize;
  /** The image's size in the unit of the output; see `PromptContext`. */
  readonly scale: ImageSize;
  /** Below this score an answer counts as no detection; null: not known. */
  readonly threshold: number | null;
  /** Items below this score are left out, and counted in `dropped`. */
  readonly minScore: number;
  readonly includeRaw: boolean;
  /** The `id` of the result. */
  readonly resultId: string;
  /**
   * Mean log-probabilities of closed labels. `classify_regions` with labels: per
   * region, per label, `</s>` included. `detect_open`: one row, per label, of the
   * label teacher-forced as the start of the answer.
   */
  readonly labelScores?: readonly (readonly number[])[];
}

/** Labels the model rates besides, or in place of, writing freely. */
export interface RatedLabels {
  readonly labels: readonly string[];
  /**
   * `closed`: the answer is one of them, rated whole. `open`: the model writes
   * freely, and each is rated as the start of an answer.
   */
  readonly kind: "closed" | "open";
}

/** What a task said of one tile, or of the whole image. */
export interface ViewResult<Result> {
  /** Number of the tile; null for the whole image. */
  readonly tile: number | null;
  /** The part of the image it was, in the unit of the output. */
  readonly box: Box;
  /** As if the part were the image: its corner is at 0, 0. */
  readonly result: Result;
}

/** How a large image is read tile by tile. */
export interface Tiling<Request, Result> {
  /** Whether the whole image is looked at beside the tiles. */
  readonly whole: boolean;
  /**
   * Spelling of the task that reads the tiles in this one's place; the model
   * must know it. The task itself if left out.
   */
  readonly reader?: string;

  /**
   * One result of those of the views, of which there is at least one: what
   * several views show is in it once.
   *
   * @param context of the whole image.
   */
  merge(
    views: readonly ViewResult<Result>[],
    context: FinishContext<Request>,
  ): Result;
}

/** One of the 15 tasks. */
export interface Task<Request, Result> {
  /** As in requests: `caption`. */
  readonly name: string;
  /** As in lists and on the command line: `caption:detailed`. */
  readonly spelling: string;
  /** Florence-2's own name: `<DETAILED_CAPTION>`. */
  readonly token: string;
  /** One sentence for help, `/v1/tasks` and the n8n node. */
  readonly summary: string;
  /** The field that tells tasks of one name apart, if there are several. */
  readonly variant: { readonly field: string; readonly value: string } | null;
  /** Fields of the request that hold what to look for, in order. */
  readonly inputs: readonly string[];
  /** What the answer consists of; text can be streamed as it comes. */
  readonly answers: "text" | "boxes" | "polygons" | "quads" | "mixed";
  readonly request: GenericSchema<unknown, Request>;
  readonly result: GenericSchema<unknown, Result>;
  /** A request that is right, used in messages and help. */
  readonly example: Request;

  /**
   * One prompt, or one per region.
   *
   * @throws FlorenceError `region_out_of_bounds` with pointers.
   */
  prompts(
    request: Request,
    context: PromptContext,
  ): readonly (readonly PromptPart[])[];

  /** The labels to rate for this request, if there are any. */
  labels?(request: Request): RatedLabels | null;

  /** Left out where only the whole image makes sense. */
  readonly tiling?: Tiling<Request, Result>;

  /**
   * Reads the answers, one per prompt, into a result. Pure, and total over
   * whatever the model wrote.
   */
  finish(answers: readonly Answer[], context: FinishContext<Request>): Result;
}

/** Names the types of a task's request and result; returns it as it is. */
export function defineTask<Request, Result>(
  task: Task<Request, Result>,
): Task<Request, Result> {
  return task;
}

/**
 * The ids of a prompt, `<s>` and `</s>` included.
 *
 * Texts that follow one another are joined before they are encoded, so that no
 * token boundary falls where the model never saw one.
 */
export function promptIds(
  parts: readonly PromptPart[],
  tokenizer: Tokenizer,
): number[] {
  const ids = [tokenizer.special.bos];
  let text = "";
  for (const part of parts) {
    if (typeof part === "string") {
      text += part;
      continue;
    }
    ids.push(...tokenizer.encodePlain(text), part.token);
    text = "";
  }
  ids.push(...tokenizer.encodePlain(text), tokenizer.special.eos);
  return ids;
}
