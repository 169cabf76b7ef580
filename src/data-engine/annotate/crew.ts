// Threads that annotate photos, each with its specialists.

import { Worker } from "node:worker_threads";
import { FlorenceError, type ErrorCode } from "../../shared/errors.ts";
import type { Annotation, PhotoRecord, Source } from "../records/record.ts";
import type { SpecialistSpec } from "../specialists/specialist.ts";

/** What every thread is given. */
export interface CrewSettings {
  /** Folder of the photos. */
  readonly folder: string;
  readonly specialists: readonly SpecialistSpec[];
  /** Threads of one model's run. */
  readonly threads: number;
}

/** One photo to annotate. */
export interface Assignment {
  readonly path: string;
  /** Ids of the sources that are to speak, of those in the settings. */
  readonly pending: readonly string[];
  /** What others said of it before. */
  readonly known: readonly Annotation[];
}

/** A specialist of the crew, as it is seen from outside. */
export interface CrewMember {
  readonly source: Source;
  readonly listens: boolean;
}

/** What a thread says: ready, one photo done, or that it cannot go on. */
export type CrewReply =
  | { readonly kind: "ready"; readonly members: readonly CrewMember[] }
  | { readonly kind: "done"; readonly records: readonly PhotoRecord[] }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode | null;
      readonly message: string;
    };

/** Threads at work; their opener closes them. */
export interface Crew {
  /** Who annotates, in their order. */
  readonly members: readonly CrewMember[];

  /**
   * Annotates photos, as many at a time as there are threads.
   *
   * @param done is told of each photo, one after the other; the next photo of
   *   a thread waits for it.
   * @param signal stops the handing out; photos at work are finished.
   */
  run(
    assignments: Iterable<Assignment>,
    done: (records: readonly PhotoRecord[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
  close(): Promise<void>;
}

const SCRIPT = new URL("crew-thread.ts", import.meta.url);

/**
 * Starts threads and waits until all have opened their specialists.
 *
 * @throws FlorenceError what a specialist could not be opened for.
 */
export async function openCrew(
  settings: CrewSettings,
  workers: number,
): Promise<Crew> {
  const threads = Array.from({ length: workers }, () => startThread(settings));
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.end()));
  };
  try {
    const [members] = await Promise.all(threads.map(({ ready }) => ready));
    return {
      members: members!,
      close,
      async run(assignments, done, signal) {
        const queue = assignments[Symbol.iterator]();
        let failure: { readonly error: unknown } | null = null;
        const isStopped = (): boolean => failure !== null || signal.aborted;
        await Promise.all(
          threads.map(async (thread) => {
            while (!isStopped()) {
              const next = queue.next();
              if (next.done === true) return;
              try {
                await done(await thread.annotate(next.value));
              } catch (error) {
                failure ??= { error };
              }
            }
          }),
        );
        if (failure !== null) throw (failure as { error: unknown }).error;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Thread {
  readonly ready: Promise<readonly CrewMember[]>;
  annotate(assignment: Assignment): Promise<readonly PhotoRecord[]>;
  end(): Promise<void>;
}

function startThread(settings: CrewSettings): Thread {
  const worker = new Worker(SCRIPT, { workerData: settings });
  const reply = (): Promise<CrewReply> =>
    new Promise((resolve, reject) => {
      const onExit = (): void => {
        reject(new Error("internal: a thread ended by itself"));
      };
      worker.once("exit", onExit);
      worker.once("error", reject);
      worker.once("message", (message: CrewReply) => {
        worker.off("exit", onExit);
        worker.off("error", reject);
        resolve(message);
      });
    });
  const ready = reply().then((message) => {
    if (message.kind === "ready") return message.members;
    throw failureOf(message);
  });
  // Whoever waits for all threads hears of the first that fails.
  ready.catch(() => undefined);
  return {
    ready,
    async annotate(assignment) {
      const answer = reply();
      worker.postMessage(assignment);
      const message = await answer;
      if (message.kind === "done") return message.records;
      throw failureOf(message);
    },
    async end() {
      await worker.terminate();
    },
  };
}

function failureOf(message: CrewReply): Error {
  if (message.kind !== "failed")
    return new Error(`internal: a thread said ${message.kind} out of turn`);
  return message.code === null
    ? new Error(message.message)
    : new FlorenceError(message.code, message.message);
}
