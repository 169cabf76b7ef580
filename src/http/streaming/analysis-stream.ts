// An analysis told while it goes on: `Accept: text/event-stream`.

import type { Envelope } from "../../shared/schema/analysis.ts";
import type { AnalyzerEvents } from "../analyze/analyzer.ts";
import { problemOf } from "../problem.ts";
import { eventBlock, eventStream } from "./event-stream.ts";

type SendEvent = (event: string, data: unknown) => void;

export interface AnalysisStreamOptions {
  /** Path of the request, for problems. */
  readonly instance: string;
  readonly requestId: string;
  /** Aborts the work when the client is gone. */
  readonly onGone: () => void;
  /** Told of what ends the stream. */
  readonly onError: (error: unknown) => void;
  readonly heartbeatMs?: number;
}

/**
 * Answers with `started`, `vision_done`, `token`, `object`, `result` and
 * `warning` as they come, and `done` or `error` at the end.
 *
 * @param analyze does the work and tells of it.
 * @throws what `analyze` throws before it has told anything.
 */
export async function streamAnalysis(
  analyze: (events: AnalyzerEvents) => Promise<Envelope>,
  options: AnalysisStreamOptions,
): Promise<Response> {
  const { instance, requestId, onError } = options;
  let lastId = 0;
  const blockOf = (event: string, data: unknown): string => {
    lastId += 1;
    return eventBlock(data, { id: lastId, event });
  };
  return await eventStream(
    async (write) => {
      const send: SendEvent = (event, data) => {
        write(blockOf(event, data));
      };
      send("done", withoutPayloads(await analyze(eventsTo(send))));
    },
    {
      ...options,
      describeError: (error) => {
        onError(error);
        return blockOf("error", problemOf(error, instance, requestId));
      },
    },
  );
}

function eventsTo(send: SendEvent): AnalyzerEvents {
  return {
    started: (started) => {
      send("started", started);
    },
    // The features stay here.
    vision: ({ image }) => {
      send("vision_done", { image });
    },
    token: (delta) => {
      send("token", delta);
    },
    object: (found) => {
      send("object", found);
    },
    result: (result) => {
      send("result", result);
    },
    warning: (message) => {
      send("warning", { message });
    },
  };
}

/** The envelope; of its results, which were sent already, only what they are. */
function withoutPayloads(envelope: Envelope): object {
  return {
    ...envelope,
    results: envelope.results.map(({ id, task, status }) => ({
      id,
      task,
      status,
    })),
  };
}
