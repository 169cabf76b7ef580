// One thread with models, seen from the server's own: calls in, answers out,
// and what is left undone when it dies or hangs.

import { Worker } from "node:worker_threads";
import type { EngineAnswer, EngineRequest } from "../http/engine/engine.ts";
import type { AnalyzeEvents } from "../shared/analyze/events.ts";
import type { Manifest } from "../shared/model/manifest.ts";
import { problemError } from "../shared/schema/problem.ts";
import type {
  EventName,
  Failure,
  ThreadOrder,
  ThreadReport,
} from "./thread-messages.ts";

/** A request on its way. */
export interface Call {
  readonly request: EngineRequest;
  /** Listeners of the next attempt. */
  readonly nextListeners: () => AnalyzeEvents;
  attempts: number;
  resolve(answer: EngineAnswer): void;
  reject(error: unknown): void;
}

/** A thread whose models are loaded. */
export interface ModelThread {
  readonly models: readonly [Manifest, ...Manifest[]];
  /** Calls it is at. */
  readonly size: number;
  /** Starts a call; what it comes to is told to the call. */
  take(call: Call): void;
  /** What its heap holds, in bytes, memory outside of it included. */
  heapBytes(): Promise<number>;
  /** Ends the thread, whatever it is at. */
  end(): Promise<void>;
}

/** How long a thread may keep a call before it is held to hang. */
export interface Patience {
  /** From the beginning of the call. */
  readonly callMs: number;
  /**
   * From the abort of its signal: at its deadline a thread answers what is
   * finished, after the graph that is running.
   */
  readonly abortMs: number;
}

export interface ModelThreadOptions {
  readonly script: URL;
  readonly workerData: unknown;
  readonly patience: Patience;
  /** A call has ended, its place is free. */
  readonly onFree: () => void;
  /**
   * The thread is gone, or hangs and is given up; these calls were neither
   * answered nor refused.
   */
  readonly onDeath: (
    thread: ModelThread,
    calls: readonly Call[],
    reason: string,
  ) => void;
}

interface Running {
  readonly call: Call;
  readonly listeners: AnalyzeEvents;
  readonly forget: () => void;
}

/**
 * Starts a thread and waits for its models.
 *
 * @throws FlorenceError what the thread could not load them for.
 */
export async function startModelThread(
  options: ModelThreadOptions,
): Promise<ModelThread> {
  const { script, workerData, patience } = options;
  const worker = new Worker(script, { workerData });
  const running = new Map<number, Running>();
  let reason = "it ended by itself";
  let isGone = false;
  let ids = 0;

  const order = (message: ThreadOrder): void => {
    worker.postMessage(message);
  };
  const models = await loadedModels(worker);
  const leave = (why: string): void => {
    if (isGone) return;
    isGone = true;
    const left = [...running.values()];
    running.clear();
    for (const { forget } of left) forget();
    options.onDeath(
      thread,
      left.map(({ call }) => call),
      why,
    );
  };
  /** Says after `ms` that the thread hangs; returns how to take that back. */
  const expectWithin = (ms: number, since: string): (() => void) => {
    const timer = setTimeout(() => {
      leave(`it hangs: no answer ${ms} ms after ${since}`);
      // Not waited for: native code that never returns cannot be ended.
      void worker.terminate();
    }, ms).unref();
    return () => {
      clearTimeout(timer);
    };
  };
  const thread: ModelThread = {
    models,
    get size() {
      return running.size;
    },
    take(call) {
      const id = (ids += 1);
      const { signal, ...request } = call.request;
      const listeners = call.nextListeners();
      let expected = expectWithin(patience.callMs, "it took a request");
      const abort = (): void => {
        order({ kind: "abort", id });
        expected();
        expected = expectWithin(patience.abortMs, "a request's deadline");
      };
      signal.addEventListener("abort", abort);
      const forget = (): void => {
        signal.removeEventListener("abort", abort);
        expected();
      };
      running.set(id, { call, listeners, forget });
      call.attempts += 1;
      // The picture is copied: its caller may need it for another attempt.
      const listens = Object.keys(listeners) as EventName[];
      order({ kind: "analyze", id, request, listens });
      if (signal.aborted) abort();
    },
    async heapBytes() {
      const heap = await worker.getHeapStatistics();
      return heap.used_heap_size + heap.external_memory;
    },
    async end() {
      await worker.terminate();
    },
  };

  worker.on("message", (report: ThreadReport) => {
    if (report.kind === "ready" || report.kind === "unfit") return;
    const own = running.get(report.id);
    if (own === undefined) return;
    if (report.kind === "event") {
      tell(own.listeners, report.name, report.value);
      return;
    }
    running.delete(report.id);
    own.forget();
    if (report.kind === "answer") own.call.resolve(report.answer);
    else own.call.reject(errorOf(report.failure));
    options.onFree();
  });
  worker.on("error", (error) => {
    reason = error instanceof Error ? error.message : String(error);
  });
  worker.on("exit", () => {
    leave(reason);
  });
  return thread;
}

function loadedModels(
  worker: Worker,
): Promise<readonly [Manifest, ...Manifest[]]> {
  return new Promise((resolve, reject) => {
    worker.once("message", (report: ThreadReport) => {
      if (report.kind === "ready") resolve(report.models);
      else if (report.kind === "unfit") reject(errorOf(report.failure));
    });
    worker.once("error", reject);
    worker.once("exit", (code) => {
      reject(
        new Error(`a thread ended (${code}) before its models were loaded`),
      );
    });
  });
}

/** Names and values come in pairs: both sides share `AnalyzeEvents`. */
function tell(listeners: AnalyzeEvents, name: EventName, value: unknown): void {
  const listener = listeners[name] as ((value: unknown) => void) | undefined;
  listener?.(value);
}

function errorOf(failure: Failure): Error {
  return "problem" in failure
    ? problemError(failure.problem)
    : new Error(`internal: in a thread: ${failure.trace}`);
}
