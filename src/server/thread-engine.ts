// The engine of a server: models in threads, so that HTTP never waits for an
// inference, behind one bounded queue.

import type {
  EngineAnswer,
  EngineStatus,
  NearEngine,
} from "../http/engine/engine.ts";
import { tellOnce } from "../http/engine/tell-once.ts";
import { FlorenceError, throwIfAborted } from "../shared/errors.ts";
import { engineNameOf, type ModelEngineOptions } from "./model-engine.ts";
import {
  startModelThread,
  type Call,
  type ModelThread,
  type Patience,
} from "./model-thread.ts";

export interface ThreadEngineOptions extends ModelEngineOptions {
  /** Threads, each with the models; at least one. */
  readonly workers: number;
  /** Requests that may wait beside those at work. */
  readonly maxWaiting: number;
  /** How long a thread may keep a request before another takes its place. */
  readonly patience?: Patience;
  /** Told when a thread dies or hangs, or one in its place does not come up. */
  readonly onDeath?: (reason: string) => void;
  /** What a thread runs, with these options as its data; tests bring theirs. */
  readonly script?: URL;
}

/** How much an engine has to do. */
export interface EngineLoad {
  readonly running: number;
  readonly waiting: number;
  /** Most that may wait. */
  readonly capacity: number;
  /** Threads that can take work. */
  readonly workers: number;
}

/** An engine that its opener closes. */
export interface ThreadEngine extends NearEngine {
  load(): EngineLoad;
  /** What the heaps of the threads hold, in bytes. */
  heapBytes(): Promise<number>;
  /** Ends the threads; what they were at is refused. */
  close(): Promise<void>;
}

const SCRIPT = new URL("engine-thread.ts", import.meta.url);

/** A request that ended two threads is not tried on a third. */
const MAX_ATTEMPTS = 2;

/**
 * Far more than any request takes: the largest model sees nine tiles in half a
 * minute on one core, and a graph runs for seconds.
 */
const PATIENCE: Patience = { callMs: 600_000, abortMs: 60_000 };

/**
 * Starts the threads and waits until all have their models.
 *
 * @throws FlorenceError what a thread failed with: `bundle_invalid`,
 *   `bundle_too_new`, `engine_unavailable`.
 */
export async function openThreadEngine(
  options: ThreadEngineOptions,
): Promise<ThreadEngine> {
  const { device, batch, maxWaiting } = options;
  const queue = createCallQueue(batch);
  const crew = await startCrew(options, queue);
  const status = (): EngineStatus["status"] =>
    queue.threads.size > 0 ? "ready" : "unavailable";
  return {
    name: engineNameOf(device),
    models: crew.models,
    status: () => ({ backend: "onnxruntime-node", device, status: status() }),
    load: () => ({
      running: [...queue.threads].reduce((sum, { size }) => sum + size, 0),
      waiting: queue.waiting.length,
      capacity: maxWaiting,
      workers: queue.threads.size,
    }),
    async heapBytes() {
      const all = [...queue.threads].map((thread) => thread.heapBytes());
      return (await Promise.all(all)).reduce((sum, bytes) => sum + bytes, 0);
    },
    warm: () =>
      status() === "ready" ? Promise.resolve() : Promise.reject(noThread()),
    async analyze(request, events = {}) {
      const { signal } = request;
      throwIfAborted(signal);
      if (crew.isLost()) throw noThread();
      if (!queue.hasIdle() && queue.waiting.length >= maxWaiting) {
        throw tooMany(queue.waiting.length);
      }
      const { promise, resolve, reject } =
        Promise.withResolvers<EngineAnswer>();
      const nextListeners = tellOnce(events);
      const call = { request, nextListeners, attempts: 0, resolve, reject };
      const leave = (): void => {
        queue.leave(call);
      };
      // Taken off by hand: Node's signals remember a listener with a signal of
      // its own as long as they live, and all that the call holds with it.
      signal.addEventListener("abort", leave);
      queue.join(call);
      try {
        return await promise;
      } finally {
        signal.removeEventListener("abort", leave);
      }
    },
    close: () => crew.close(),
  };
}

/** Calls that wait, and the threads that take them. */
interface CallQueue {
  readonly threads: Set<ModelThread>;
  readonly waiting: Call[];
  hasIdle(): boolean;
  join(call: Call): void;
  /** Out of the queue, if it still waits. */
  leave(call: Call): void;
  /** Gives what waits to threads that have room. */
  readonly dispatch: () => void;
}

/** @param batch calls a thread takes at a time. */
function createCallQueue(batch: number): CallQueue {
  const threads = new Set<ModelThread>();
  const waiting: Call[] = [];
  const idlest = (): ModelThread | undefined =>
    [...threads]
      .filter(({ size }) => size < batch)
      .sort((one, other) => one.size - other.size)[0];
  const dispatch = (): void => {
    for (;;) {
      const thread = idlest();
      const call = thread === undefined ? undefined : waiting.shift();
      if (thread === undefined || call === undefined) return;
      thread.take(call);
    }
  };
  return {
    threads,
    waiting,
    dispatch,
    hasIdle: () => idlest() !== undefined,
    join(call) {
      waiting.push(call);
      dispatch();
    },
    leave(call) {
      const at = waiting.indexOf(call);
      if (at < 0) return;
      waiting.splice(at, 1);
      call.reject(
        tooLate(
          call,
          "The request was aborted while it waited for its turn. Give it more time, or try again when fewer are waiting.",
        ),
      );
    },
  };
}

/** The threads of an engine, kept at their number. */
interface Crew {
  readonly models: ModelThread["models"];
  /** No thread is left, and one in its place did not come up. */
  isLost(): boolean;
  close(): Promise<void>;
}

async function startCrew(
  options: ThreadEngineOptions,
  queue: CallQueue,
): Promise<Crew> {
  const { script = SCRIPT, patience = PATIENCE, onDeath } = options;
  let failedStarts = 0;
  let isClosed = false;

  const start = async (): Promise<void> => {
    const thread = await startModelThread({
      script,
      patience,
      workerData: dataOf(options),
      onFree: queue.dispatch,
      onDeath: (dead, calls, reason) => {
        queue.threads.delete(dead);
        if (isClosed) for (const call of calls) call.reject(noThread());
        else {
          onDeath?.(reason);
          takeBack(calls, queue);
          void restart();
        }
      },
    });
    if (isClosed) await thread.end();
    else queue.threads.add(thread);
  };
  const restart = async (): Promise<void> => {
    // At once, then after 1, 2, 4, … 32 seconds.
    const delayMs =
      failedStarts === 0 ? 0 : 500 * 2 ** Math.min(failedStarts, 6);
    await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
    if (isClosed) return;
    try {
      await start();
      failedStarts = 0;
      queue.dispatch();
    } catch (error) {
      failedStarts += 1;
      onDeath?.(error instanceof Error ? error.message : String(error));
      if (queue.threads.size === 0) refuseAll(queue);
      void restart();
    }
  };
  const close = async (): Promise<void> => {
    isClosed = true;
    refuseAll(queue);
    await Promise.all([...queue.threads].map((thread) => thread.end()));
  };

  const starts = Array.from({ length: options.workers }, start);
  const failed = (await Promise.allSettled(starts)).find(
    (one) => one.status === "rejected",
  );
  const [first] = queue.threads;
  if (failed !== undefined || first === undefined) {
    await close();
    throw failed?.reason ?? new Error("internal: no thread was started");
  }
  return {
    models: first.models,
    isLost: () => isClosed || (queue.threads.size === 0 && failedStarts > 0),
    close,
  };
}

/** What a thread needs to know: plain data. */
function dataOf(options: ThreadEngineOptions): ModelEngineOptions {
  const { bundles, device, threads, batch } = options;
  return { bundles, device, threads, batch };
}

/**
 * Calls of a thread that died or hung wait again, first in the queue, but once
 * only, and only while somebody waits for them.
 */
function takeBack(calls: readonly Call[], queue: CallQueue): void {
  const wanted = calls.filter(({ request }) => !request.signal.aborted);
  const again = wanted.filter(({ attempts }) => attempts < MAX_ATTEMPTS);
  queue.waiting.unshift(...again);
  for (const call of calls) {
    if (again.includes(call)) continue;
    if (!wanted.includes(call)) {
      call.reject(
        tooLate(
          call,
          "The engine did not answer before the deadline. Try again with more time.",
        ),
      );
      continue;
    }
    call.reject(
      new FlorenceError(
        "engine_unavailable",
        "The engine ended twice while it answered this request. Try another picture, or fewer tasks.",
      ),
    );
  }
  queue.dispatch();
}

function tooLate({ request }: Call, message: string): FlorenceError {
  const cause: unknown = request.signal.reason;
  return new FlorenceError("deadline_exceeded", message, {
    cause,
    retryable: true,
  });
}

function refuseAll(queue: CallQueue): void {
  for (const call of queue.waiting.splice(0)) call.reject(noThread());
}

function noThread(): FlorenceError {
  return new FlorenceError(
    "engine_unavailable",
    "No engine is at work here just now. Try again in a few seconds.",
    { retryable: true },
  );
}

function tooMany(waiting: number): FlorenceError {
  return new FlorenceError(
    "engine_unavailable",
    `${waiting} requests wait for this engine already. Try again in a few seconds.`,
    { retryable: true },
  );
}
