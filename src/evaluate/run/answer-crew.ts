// Threads that answer photos at the same time, each with its own model.

import { Worker } from "node:worker_threads";
import { FlorenceError, type ErrorCode } from "../../shared/errors.ts";
import type { PhotoJob } from "./answer-photo.ts";
import type { Prediction } from "./predictions.ts";

/** What every thread is given. */
export interface CrewSettings {
  /** Folder of the bundle, and of the photos. */
  readonly bundle: string;
  readonly folder: string;
  /** Threads of one model's run. */
  readonly threads: number;
  /** Whether scores stay the model's own, whatever chances the bundle knows. */
  readonly isRaw: boolean;
  /** Options of the request, as over HTTP. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What a thread says. */
export type CrewReply =
  | { readonly kind: "ready" }
  | { readonly kind: "done"; readonly prediction: Prediction }
  | {
      readonly kind: "failed";
      /** Null: a bug of ours. */
      readonly code: ErrorCode | null;
      readonly message: string;
    };

export interface CrewRun {
  readonly jobs: Iterable<PhotoJob>;
  /** Is told of each photo, one after the other. */
  readonly onPrediction: (prediction: Prediction) => Promise<void>;
  /** Stops the handing out; photos that are at work are finished. */
  readonly signal: AbortSignal;
}

const SCRIPT = new URL("answer-thread.ts", import.meta.url);

/**
 * Answers photos on several threads, until all are done or the signal is
 * aborted.
 *
 * @throws FlorenceError what kept a thread from opening the bundle, or from
 *   going on; what `onPrediction` throws.
 */
export async function answerWithCrew(
  settings: CrewSettings,
  workers: number,
  { jobs, onPrediction, signal }: CrewRun,
): Promise<void> {
  const queue = jobs[Symbol.iterator]();
  let isFailed = false;
  const work = async (): Promise<void> => {
    const thread = startThread(settings);
    try {
      await thread.ready;
      while (!isFailed && !signal.aborted) {
        const next = queue.next();
        if (next.done === true) break;
        await onPrediction(await thread.answer(next.value));
      }
      await thread.end();
    } catch (error) {
      isFailed = true;
      await thread.kill();
      throw error;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: workers }, work));
  for (const one of ended) {
    if (one.status === "rejected") throw one.reason;
  }
}

interface AnswerThread {
  readonly ready: Promise<void>;
  answer(job: PhotoJob): Promise<Prediction>;
  /** Lets it give its memory back. */
  end(): Promise<void>;
  kill(): Promise<void>;
}

function startThread(settings: CrewSettings): AnswerThread {
  const worker = new Worker(SCRIPT, { workerData: settings });
  let death: Error | null = null;
  worker.on("error", (error: Error) => {
    death ??= error;
  });
  worker.on("exit", (code) => {
    death ??= new Error(`internal: a thread ended by itself with ${code}`);
  });
  const nextReply = (): Promise<CrewReply> =>
    new Promise((resolve, reject) => {
      if (death !== null) {
        reject(death);
        return;
      }
      const finish = (settle: () => void): void => {
        worker.off("message", onMessage).off("error", onError).off("exit", onExit); // prettier-ignore
        settle();
      };
      const onMessage = (reply: CrewReply): void => {
        finish(() => {
          resolve(reply);
        });
      };
      const onError = (error: Error): void => {
        finish(() => {
          reject(error);
        });
      };
      const onExit = (code: number): void => {
        onError(new Error(`internal: a thread ended by itself with ${code}`));
      };
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    });
  const ready = nextReply().then((reply) => {
    if (reply.kind === "failed") throw errorOf(reply);
  });
  // Whoever waits for it is told; nobody may wait any more.
  ready.catch(() => undefined);
  return {
    ready,
    async answer(job) {
      const reply = nextReply();
      worker.postMessage(job);
      const said = await reply;
      if (said.kind === "failed") throw errorOf(said);
      if (said.kind === "ready") throw new Error("internal: a thread is ready twice"); // prettier-ignore
      return said.prediction;
    },
    async end() {
      const exit = new Promise((resolve) => worker.once("exit", resolve));
      worker.postMessage("end");
      await exit;
    },
    async kill() {
      await worker.terminate();
    },
  };
}

function errorOf({ code, message }: Extract<CrewReply, { kind: "failed" }>) {
  return code === null
    ? new Error(`internal: ${message}`)
    : new FlorenceError(code, message);
}
