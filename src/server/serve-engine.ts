// The side of a thread: an engine behind a message port.

import type { MessagePort } from "node:worker_threads";
import type { EngineAnswer, NearEngine } from "../http/engine/engine.ts";
import type { AnalyzeEvents } from "../shared/analyze/events.ts";
import { isFlorenceError } from "../shared/errors.ts";
import { toProblem } from "../shared/schema/problem.ts";
import type {
  EventName,
  Failure,
  ThreadOrder,
  ThreadReport,
} from "./thread-messages.ts";

/**
 * Answers what comes through `port` with an engine, once `opening` has it. An
 * engine that cannot be opened is reported, and the port closed.
 */
export async function serveEngine(
  port: MessagePort,
  opening: Promise<NearEngine>,
): Promise<void> {
  const report = (
    message: ThreadReport,
    transfer: readonly ArrayBuffer[] = [],
  ): void => {
    port.postMessage(message, transfer);
  };
  const aborts = new Map<number, AbortController>();
  let engine: NearEngine;
  try {
    engine = await opening;
  } catch (error) {
    report({ kind: "unfit", failure: failureOf(error) });
    port.close();
    return;
  }
  port.on("message", (order: ThreadOrder) => {
    if (order.kind === "abort") {
      aborts.get(order.id)?.abort();
      return;
    }
    const { id, request } = order;
    const abort = new AbortController();
    aborts.set(id, abort);
    const events = listeners(order.listens, (name, value) => {
      report({ kind: "event", id, name, value });
    });
    engine
      .analyze({ ...request, signal: abort.signal }, events)
      .then(
        (answer) => {
          report({ kind: "answer", id, answer }, buffersOf(answer));
        },
        (error: unknown) => {
          report({ kind: "failed", id, failure: failureOf(error) });
        },
      )
      .finally(() => aborts.delete(id));
  });
  report({ kind: "ready", models: engine.models });
}

function listeners(
  names: readonly EventName[],
  tell: (name: EventName, value: unknown) => void,
): AnalyzeEvents {
  return Object.fromEntries(
    names.map((name) => [
      name,
      (value: unknown) => {
        tell(name, value);
      },
    ]),
  );
}

/** Features are handed over, not copied: megabytes each. */
function buffersOf({ seen }: EngineAnswer): ArrayBuffer[] {
  const buffer = seen?.features.data.buffer;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

function failureOf(error: unknown): Failure {
  if (isFlorenceError(error)) return { problem: toProblem(error) };
  return {
    trace:
      error instanceof Error ? (error.stack ?? error.message) : String(error),
  };
}
