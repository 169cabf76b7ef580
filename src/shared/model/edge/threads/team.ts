// Threads that share the kernels' work. One leads: it writes down what is to be
// done and does its share; the helpers take piece after piece, so that a slow one
// holds up no more than a piece.

import type { KernelExports } from "../kernels.ts";
import { createCallMaker, createCallWriter, type Calls } from "./calls.ts";
import {
  createSignalMemory,
  BACK,
  DONE,
  EACH,
  FAILED,
  FRONT,
  LEFT,
  ROOM,
  type Signals,
  SLEEPING,
  spinWhile,
  STOPPED,
  TOTAL,
  TURN,
  viewSignals,
} from "./signals.ts";

/** Rooms in the kernels' memory, one for each thread. */
export interface OwnRooms {
  readonly at: number;
  /** Bytes of each; they follow one another. */
  readonly each: number;
}

/** Threads over one memory. */
export interface Team {
  readonly threads: number;
  /**
   * Does pieces of work, in any order, on any thread; returns when all are done.
   *
   * @param rooms what `OWN` in a call's arguments leads to.
   * @param write notes the calls of a piece.
   */
  share(
    rooms: OwnRooms,
    pieces: number,
    write: (piece: number, calls: Calls) => void,
  ): void;
}

/** What a helper is given; all of it can be sent to a thread. */
export interface HelperTask {
  /** The module that the leader runs. */
  readonly module: WebAssembly.Module | BufferSource;
  /** The leader's, shared. */
  readonly memory: WebAssembly.Memory;
  readonly signals: SharedArrayBuffer;
  /** From 1 on. */
  readonly thread: number;
}

/** Threads that a host lends. */
export interface ThreadHost {
  /** All that compute, the one that opens the model with them. */
  readonly threads: number;
  /**
   * Starts a thread that calls `bindHelper(task)` and then what that gives.
   * Resolves when it is bound.
   *
   * @throws FlorenceError `engine_unavailable` if it does not start.
   */
  start(task: HelperTask): Promise<void>;
}

/** A team with its end. */
export interface OpenTeam extends Team {
  /** Lets the helpers end. */
  close(): void;
}

/**
 * Starts the helpers.
 *
 * Must be called where a thread may wait: not on a page's own.
 *
 * @param run the leader's kernels over `memory`.
 */
export async function openTeam(
  host: ThreadHost,
  module: HelperTask["module"],
  memory: WebAssembly.Memory,
  run: KernelExports,
): Promise<OpenTeam> {
  const buffer = createSignalMemory();
  const signals = viewSignals(buffer);
  const stop = (): void => {
    Atomics.store(signals.words, STOPPED, 1);
    Atomics.add(signals.words, TURN, 1);
    Atomics.notify(signals.words, TURN);
  };
  try {
    const helpers = Array.from({ length: host.threads - 1 }, (_, at) =>
      host.start({ module, memory, signals: buffer, thread: at + 1 }),
    );
    await Promise.all(helpers);
  } catch (error) {
    stop();
    throw error;
  }
  return {
    threads: host.threads,
    share: createSharing(run, signals),
    close: stop,
  };
}

/** The leader's side of a job. */
function createSharing(run: KernelExports, signals: Signals): Team["share"] {
  const { words } = signals;
  const writer = createCallWriter(run, signals);
  const takePieces = createTaker(run, signals, 0);
  return (rooms, pieces, write) => {
    let next = 0;
    while (next < pieces) {
      writer.clear();
      while (next < pieces && writer.hasRoom()) {
        write(next, writer.calls);
        writer.close();
        next += 1;
      }
      words[ROOM] = rooms.at;
      words[EACH] = rooms.each;
      begin(words, writer.count());
      takePieces();
      awaitAll(words, writer.count());
    }
  };
}

/** All that was written before is seen by who takes a piece. */
function begin(words: Int32Array, pieces: number): void {
  Atomics.store(words, DONE, 0);
  Atomics.store(words, FRONT, 0);
  Atomics.store(words, BACK, 0);
  Atomics.store(words, TOTAL, pieces);
  Atomics.store(words, LEFT, pieces);
  Atomics.add(words, TURN, 1);
  if (Atomics.load(words, SLEEPING) > 0) {
    Atomics.notify(words, TURN, pieces - 1);
  }
}

/** @throws Error if a piece failed: kernels do not, if they are called rightly. */
function awaitAll(words: Int32Array, pieces: number): void {
  for (;;) {
    const done = Atomics.load(words, DONE);
    if (done === pieces) break;
    if (!spinWhile(words, DONE, done)) Atomics.wait(words, DONE, done);
  }
  if (Atomics.exchange(words, FAILED, 0) === 1) {
    throw new Error("internal: a kernel failed on one of the threads");
  }
}

/**
 * Takes pieces until none is left. `LEFT` is set after all else of a job: who
 * comes late from the job before finds either nothing or a piece of this one.
 * The leader takes them from the front and helpers from the back, so that much of
 * what a piece reads was written by its own thread and is in its cache.
 */
function createTaker(
  run: KernelExports,
  signals: Signals,
  thread: number,
): () => void {
  const { words } = signals;
  const makeCalls = createCallMaker(run, signals);
  const isLeader = thread === 0;
  return () => {
    while (Atomics.load(words, LEFT) > 0) {
      const left = Atomics.sub(words, LEFT, 1);
      if (left <= 0) return;
      const total = Atomics.load(words, TOTAL);
      try {
        const taken = Atomics.add(words, isLeader ? FRONT : BACK, 1);
        makeCalls(isLeader ? taken : total - 1 - taken, thread);
      } catch {
        // Told to the leader, who throws it.
        Atomics.store(words, FAILED, 1);
      }
      // The leader may sleep until the last piece is done.
      if (Atomics.add(words, DONE, 1) + 1 === total) {
        Atomics.notify(words, DONE);
      }
    }
  };
}

/**
 * Makes this thread a helper.
 *
 * @returns helps until the leader closes the team; it does not give way in
 *   between, so that nothing else can run on this thread.
 */
export async function bindHelper(task: HelperTask): Promise<() => void> {
  const signals = viewSignals(task.signals);
  const { words } = signals;
  const imports = { env: { memory: task.memory } };
  // A module becomes an instance, bytes become both.
  const made = (await WebAssembly.instantiate(task.module, imports)) as
    WebAssembly.Instance | { readonly instance: WebAssembly.Instance };
  const { exports } = "instance" in made ? made.instance : made;
  const run = exports as unknown as KernelExports;
  const takePieces = createTaker(run, signals, task.thread);
  return () => {
    while (Atomics.load(words, STOPPED) === 0) {
      const turn = Atomics.load(words, TURN);
      takePieces();
      if (spinWhile(words, TURN, turn)) continue;
      Atomics.add(words, SLEEPING, 1);
      Atomics.wait(words, TURN, turn);
      Atomics.sub(words, SLEEPING, 1);
    }
  };
}
