// A completion as chunks: text as it is written, the result at the end.

import type { Analyzer, AnalyzerRequest } from "../analyze/analyzer.ts";
import { callOf } from "../analyze/call-of.ts";
import type { Host } from "../host.ts";
import type { AppContext } from "../operation.ts";
import { problemOf } from "../problem.ts";
import {
  eventBlock,
  eventStream,
  type WriteEvent,
} from "../streaming/event-stream.ts";
import { chatUsage } from "./chat-usage.ts";
import { OPENAI_ERRORS } from "./openai-errors.ts";
import { onlyResult, resultText } from "./result-text.ts";

export interface ChatStreamInput {
  readonly host: Host;
  readonly analyzer: Analyzer;
  readonly context: AppContext;
  /** One task. */
  readonly request: AnalyzerRequest;
  readonly signal: AbortSignal;
  readonly includeUsage: boolean;
}

/**
 * Answers with `chat.completion.chunk` events and `[DONE]`.
 *
 * @throws what fails before the work begins.
 */
export async function streamChat(input: ChatStreamInput): Promise<Response> {
  const { host, context, signal } = input;
  const requestId = context.get("requestId");
  const gone = new AbortController();
  return await eventStream(
    (write) => {
      const both = AbortSignal.any([signal, gone.signal]);
      const work = produce(write, { ...input, signal: both });
      host.keepAlive?.(work, context);
      return work;
    },
    {
      onGone: () => {
        gone.abort();
      },
      describeError: (error) => {
        host.onFailure?.(error, requestId);
        const problem = problemOf(error, context.req.path, requestId);
        return eventBlock(OPENAI_ERRORS.of(problem));
      },
    },
  );
}

async function produce(
  write: WriteEvent,
  { host, analyzer, context, request, signal, includeUsage }: ChatStreamInput,
): Promise<void> {
  const { platform } = host;
  const head = {
    id: platform.id("chat"),
    object: "chat.completion.chunk",
    created: Math.floor(platform.now() / 1000),
    model: request.options.model ?? host.engines[0].models[0].id,
  };
  const chunk = (
    delta: object,
    finishReason: "stop" | "length" | null = null,
  ): void => {
    write(
      eventBlock({
        ...head,
        choices: [
          { index: 0, delta, finish_reason: finishReason, logprobs: null },
        ],
      }),
    );
  };

  let written = "";
  const add = (content: string): void => {
    if (content === "") return;
    written += content;
    chunk({ content });
  };
  const envelope = await analyzer.analyze(request, context.get("principal"), {
    ...callOf(host, context),
    signal,
    events: {
      started: () => {
        chunk({ role: "assistant", content: "" });
      },
      token: ({ delta, region_id: regionId }) => {
        // Texts of several regions may come at once: they are sent when whole.
        if (regionId === undefined) add(delta);
      },
    },
  });
  const result = onlyResult(envelope);
  // Of boxes and outlines there is text only at the end.
  const text = resultText(result);
  if (!text.startsWith(written)) {
    throw new Error("internal: the text that was told is not the result's");
  }
  add(text.slice(written.length));
  chunk({ vision_result: result }, result.finish_reason);
  if (includeUsage) {
    write(eventBlock({ ...head, choices: [], usage: chatUsage(envelope) }));
  }
  write("data: [DONE]\n\n");
}
