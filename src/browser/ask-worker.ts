// The page's side of the channel: a promise for each thing asked.

import { FlorenceError, throwIfAborted } from "../shared/errors.ts";
import type { Envelope } from "../shared/schema/analysis.ts";
import { problemError } from "../shared/schema/problem.ts";
import type {
  AnalyzeAsk,
  Backend,
  Channel,
  Opening,
  ToldEvents,
  ToPage,
  ToWorker,
} from "./messages.ts";

/** More to an analysis than its request. */
export interface AnalyzeMore {
  readonly signal?: AbortSignal;
  /** Told while the work goes on. */
  readonly events?: ToldEvents;
}

/** Asks of a worker. */
export interface WorkerCalls {
  open(opening: Opening): Promise<Backend>;
  /** @param bytes of a picture; taken over. */
  analyze(
    bytes: Uint8Array<ArrayBuffer>,
    request: AnalyzeAsk,
    more?: AnalyzeMore,
  ): Promise<Envelope>;
  /** Refuses all that is asked, and what will be. */
  fail(error: FlorenceError): void;
}

type Reply = Exclude<ToPage, { kind: "told" }>;

interface Waiting {
  readonly events: ToldEvents;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: FlorenceError) => void;
}

/** Calls over `channel`, answered by `answerMessages` at its other end. */
export function askWorker(channel: Channel<ToPage, ToWorker>): WorkerCalls {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let failure: FlorenceError | null = null;

  channel.addEventListener("message", ({ data: message }) => {
    const asked = waiting.get(message.id);
    if (asked === undefined) return; // refused already, by `fail`
    if (message.kind === "told") {
      hear(asked.events, message.event, message.value);
      return;
    }
    waiting.delete(message.id);
    if (message.kind !== "refused") asked.resolve(message);
    else asked.reject(problemError(message.problem));
  });

  const ask = (
    message: (id: number) => ToWorker,
    transfer: ArrayBuffer[],
    events: ToldEvents,
    signal?: AbortSignal,
  ): Promise<Reply> => {
    if (failure !== null) return Promise.reject(failure);
    lastId += 1;
    const id = lastId;
    const reply = new Promise<Reply>((resolve, reject) => {
      waiting.set(id, { events, resolve, reject });
    });
    channel.postMessage(message(id), transfer);
    const abort = (): void => {
      channel.postMessage({ kind: "abort", id }, []);
    };
    signal?.addEventListener("abort", abort);
    return reply.finally(() => {
      signal?.removeEventListener("abort", abort);
    });
  };

  return {
    async open(opening) {
      const reply = await ask((id) => ({ kind: "open", id, opening }), [], {});
      if (reply.kind === "opened") return reply.backend;
      throw new Error("internal: the worker opened nothing");
    },
    async analyze(bytes, request, { signal, events = {} } = {}) {
      throwIfAborted(signal);
      const reply = await ask(
        (id) => ({ kind: "analyze", id, bytes, request }),
        [bytes.buffer],
        events,
        signal,
      );
      if (reply.kind === "answered") return reply.envelope;
      throw new Error("internal: the worker answered nothing");
    },
    fail(error) {
      failure = error;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
  };
}

/** The value is what the worker's listener of this event was given. */
function hear(
  events: ToldEvents,
  event: keyof ToldEvents,
  value: unknown,
): void {
  const listener = events[event] as ((value: unknown) => void) | undefined;
  listener?.(value);
}
