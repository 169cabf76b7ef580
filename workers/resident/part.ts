// A Worker that holds some parts of a model and runs them for others, by service
// bindings. It answers no requests from outside but `GET /`, what it holds.

import { RpcTarget, WorkerEntrypoint } from "cloudflare:workers";
import * as v from "valibot";
import { outlast } from "../../src/http/outlast.ts";
import {
  type CrossMemory,
  openPart,
  type PartRunner,
} from "../../src/shared/model/edge/part-runner.ts";
import type {
  DecodingState,
  StepResult,
  StepRow,
} from "../../src/shared/model/model.ts";
import { KERNEL_MODULES } from "../edge/kernel-modules.ts";
import { sha256 } from "../edge/platform.ts";
import { assetFiles, storedBundle } from "../edge/stored-bundle.ts";
import {
  type AnsweringCalls,
  type PartCalls,
  tell,
  type Told,
} from "./part-calls.ts";

/** Of the 128 MB of an isolate; the rest is for code and what is handed on. */
const MAX_MEMORY_BYTES = 110_000_000;

export interface PartEnv {
  /** `edge.json` and the files of this part's segments. */
  readonly ASSETS: Fetcher;
  /** Names of its segments, in their order. */
  readonly SEGMENTS: readonly string[];
  /** Sides of pictures that memory is planned for. */
  readonly INPUT_SIZES: readonly number[];
}

const Settings = v.object({
  SEGMENTS: v.array(v.string()),
  INPUT_SIZES: v.array(v.number()),
});

interface OpenedPart {
  readonly runner: PartRunner;
  readonly revision: string;
}

let opening: Promise<OpenedPart> | null = null;
let opened: OpenedPart | null = null;

/** Opens the part at the first call; a failure is tried again at the next. */
async function partOf(env: PartEnv): Promise<OpenedPart> {
  opening ??= open(env).catch((error: unknown) => {
    opening = null;
    throw error;
  });
  return await outlast(opening);
}

async function open(env: PartEnv): Promise<OpenedPart> {
  const { SEGMENTS: segments, INPUT_SIZES: inputSizes } = v.parse(
    Settings,
    env,
  );
  const bundle = storedBundle("static assets", assetFiles(env.ASSETS));
  const revision = await sha256(await bundle.read("edge.json"));
  const runner = await openPart(bundle, KERNEL_MODULES, {
    ...{ segments, inputSizes, maxBytes: MAX_MEMORY_BYTES },
    rest: () => scheduler.wait(0),
  });
  opened = { runner, revision };
  return opened;
}

/** Answers being made; lives as long as whoever began it holds on to it. */
class Answering extends RpcTarget implements AnsweringCalls {
  readonly #state: DecodingState;

  constructor(state: DecodingState) {
    super();
    this.#state = state;
  }

  step(rows: readonly StepRow[]): Promise<Told<readonly StepResult[]>> {
    return tell(() => this.#state.step(rows));
  }

  finish(prompts: readonly number[]): Promise<void> {
    this.#state.finish(prompts);
    return Promise.resolve();
  }

  end(): Promise<void> {
    return this.#state.dispose();
  }

  /** Whoever began it has ended, or is gone. */
  [Symbol.dispose](): void {
    void this.#state.dispose();
  }
}

export default class Part
  extends WorkerEntrypoint<PartEnv>
  implements PartCalls
{
  override fetch(): Response {
    const { env } = this;
    return Response.json({
      segments: env.SEGMENTS,
      revision: opened?.revision ?? null,
      memory_bytes: opened?.runner.memoryBytes() ?? 0,
    });
  }

  about() {
    return tell(async () => {
      const { runner, revision } = await partOf(this.env);
      return { revision, segments: runner.segments };
    });
  }

  see(size: number, values: Float32Array) {
    return this.#run((runner) => runner.see(size, values));
  }

  embed(ids: readonly number[]) {
    return this.#run((runner) => runner.embed(ids));
  }

  encode(rows: Float32Array) {
    return this.#run((runner) => runner.encode(rows));
  }

  begin(prompts: readonly CrossMemory[]) {
    return this.#run(
      async (runner) => new Answering(await runner.begin(prompts)),
    );
  }

  #run<T>(act: (runner: PartRunner) => Promise<T>): Promise<Told<T>> {
    return tell(async () => {
      const { runner } = await partOf(this.env);
      return await act(runner);
    });
  }
}
