// What parts of a model in Workers of their own call each other with: results,
// or what is wrong, as values, since an error loses its code on its way.

import {
  FlorenceError,
  isFlorenceError,
  type ErrorCode,
} from "../../src/shared/errors.ts";
import type {
  RemotePart,
  RemoteState,
} from "../../src/shared/model/edge/joined-model.ts";
import type { CrossMemory } from "../../src/shared/model/edge/part-runner.ts";
import type { StepResult, StepRow } from "../../src/shared/model/model.ts";

/** A result, or why there is none. */
export type Told<T> =
  | { readonly result: T }
  | { readonly problem: { readonly code: ErrorCode; readonly detail: string } };

/** A state as its part gives it out. */
export interface AnsweringCalls {
  step(rows: readonly StepRow[]): Promise<Told<readonly StepResult[]>>;
  finish(prompts: readonly number[]): Promise<void>;
  end(): Promise<void>;
}

/** What a part's Worker answers. */
export interface PartCalls {
  about(): Promise<
    Told<{ readonly revision: string; readonly segments: readonly string[] }>
  >;
  see(size: number, values: Float32Array): Promise<Told<Float32Array>>;
  embed(ids: readonly number[]): Promise<Told<Float32Array>>;
  encode(rows: Float32Array): Promise<Told<CrossMemory>>;
  begin(
    prompts: readonly CrossMemory[],
  ): Promise<Told<AnsweringCalls & Partial<Disposable>>>;
}

/** Tells what came of some work; a bug of ours is thrown on. */
export async function tell<T>(work: () => Promise<T>): Promise<Told<T>> {
  try {
    return { result: await work() };
  } catch (error) {
    if (!isFlorenceError(error)) throw error;
    return { problem: { code: error.code, detail: error.message } };
  }
}

/** The part behind a binding, as the model's wall takes it. */
export function remotePart(name: string, calls: PartCalls): RemotePart {
  return {
    name,
    about: async () => heard(await calls.about()),
    see: async (size, values) => heard(await calls.see(size, values)),
    embed: async (ids) => heard(await calls.embed(ids)),
    encode: async (rows) => heard(await calls.encode(rows)),
    begin: async (prompts) => remoteState(heard(await calls.begin(prompts))),
  };
}

function remoteState(calls: AnsweringCalls & Partial<Disposable>): RemoteState {
  return {
    step: async (rows) => heard(await calls.step(rows)),
    finish: async (prompts) => {
      await calls.finish(prompts);
    },
    async dispose() {
      try {
        await calls.end();
      } finally {
        // Until then the other isolate keeps it for us.
        calls[Symbol.dispose]?.();
      }
    },
  };
}

function heard<T>(told: Told<T>): T {
  if ("result" in told) return told.result;
  throw new FlorenceError(told.problem.code, told.problem.detail);
}
