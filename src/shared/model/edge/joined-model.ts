// The model wall over parts in several isolates: the picture goes from one
// stretch of the vision tower to the next, prompts to the encoder, and what it
// makes to the decoder, which answers step by step.

import {
  FlorenceError,
  isFlorenceError,
  throwIfAborted,
} from "../../errors.ts";
import type { Manifest } from "../manifest.ts";
import type {
  DecodingState,
  Features,
  Model,
  Prompt,
  RunOptions,
  StepResult,
  StepRow,
} from "../model.ts";
import { preprocess } from "../preprocess.ts";
import { type EdgePlan, weightBytes } from "./edge-plan.ts";
import { promptLength } from "./encoder.ts";
import { MOST_ROWS } from "./memory-plan.ts";
import type { CrossMemory } from "./part-runner.ts";

/** Answers being made in another isolate. */
export interface RemoteState {
  step(rows: readonly StepRow[]): Promise<readonly StepResult[]>;
  finish(prompts: readonly number[]): Promise<void>;
  dispose(): Promise<void>;
}

/**
 * A part in another isolate. What it throws of its own is a `FlorenceError`;
 * anything else means that it is gone.
 */
export interface RemotePart {
  /** What its binding is called, for messages. */
  readonly name: string;
  /** What it holds: which bundle, which segments of it. */
  about(): Promise<{
    readonly revision: string;
    readonly segments: readonly string[];
  }>;
  see(size: number, values: Float32Array): Promise<Float32Array>;
  embed(ids: readonly number[]): Promise<Float32Array>;
  encode(rows: Float32Array): Promise<CrossMemory>;
  begin(prompts: readonly CrossMemory[]): Promise<RemoteState>;
}

/** All parts of a model, each segment in one of them. */
export interface JoinedParts {
  /** In the order of the tower. */
  readonly vision: readonly RemotePart[];
  readonly encoder: RemotePart;
  /** With the vocabulary. */
  readonly decoder: RemotePart;
}

export interface JoinedOptions {
  /** Which bundle the parts must hold: `revision` of their `about`. */
  readonly revision: string;
  /** Names of all segments, in their order. */
  readonly segments: readonly string[];
  readonly inputSizes: readonly number[];
}

/**
 * A model over parts. They are asked what they hold before the first picture.
 *
 * A part that is gone is asked once more where nothing is lost by it; if that
 * fails, or if an answer's state was lost with it, the error names it and is
 * `engine_unavailable`: the whole may be asked again, or another engine.
 */
export function openJoinedModel(
  manifest: Manifest,
  plan: EdgePlan,
  parts: JoinedParts,
  options: JoinedOptions,
): Model {
  const { vision } = manifest;
  if (vision.kind !== "davit") throw new Error("internal: no davit to join");
  let checking: Promise<void> | null = null;
  const checked = (): Promise<void> => {
    checking ??= checkParts(parts, options).catch((error: unknown) => {
      checking = null;
      throw error;
    });
    return checking;
  };
  const { width } = plan.text;

  return {
    manifest,
    capabilities: {
      backend: "florence-kernels",
      device: "wasm",
      inputSizes: options.inputSizes,
      weightBytes: weightBytes(plan),
      maxRows: MOST_ROWS,
    },
    async encode(images, encodeOptions = {}) {
      const size = encodeOptions.inputSize ?? options.inputSizes[0]!;
      if (!options.inputSizes.includes(size)) {
        throw new FlorenceError(
          "invalid_request",
          `Input size ${size} is not one this model takes: ${options.inputSizes.join(", ")}.`,
        );
      }
      await checked();
      const all: Features[] = [];
      for (const image of images) {
        let values = preprocess([image], vision.input, size);
        for (const part of parts.vision) {
          throwIfAborted(encodeOptions.signal);
          const input = values;
          values = await askTwice(part, () => part.see(size, input));
        }
        const tokens = values.length / width;
        all.push({ data: values, tokens, width, hintIds: [], inputSize: size });
      }
      return all;
    },
    async start(prompts, startOptions = {}) {
      await checked();
      const kept: CrossMemory[] = [];
      for (const prompt of prompts) {
        throwIfAborted(startOptions.signal);
        const rows = await embedPrompt(plan, parts.decoder, prompt);
        kept.push(
          await askTwice(parts.encoder, () => parts.encoder.encode(rows)),
        );
      }
      const begun = await askTwice(parts.decoder, () =>
        parts.decoder.begin(kept),
      );
      return remoteState(parts.decoder, begun);
    },
    dispose: () => Promise.resolve(),
  };
}

/** The rows of a prompt: its image, and the embeddings of its tokens. */
async function embedPrompt(
  { text }: EdgePlan,
  decoder: RemotePart,
  prompt: Prompt,
): Promise<Float32Array> {
  const { features, ids } = prompt;
  const length = promptLength(prompt);
  if (length > text.positions) {
    throw new FlorenceError(
      "invalid_request",
      `The prompt needs ${length} positions with the image's ${features.tokens}; the model has ${text.positions}. Shorten the phrase or give fewer labels.`,
    );
  }
  const tokens = await askTwice(decoder, () =>
    decoder.embed([...features.hintIds, ...ids]),
  );
  const rows = new Float32Array(length * text.width);
  rows.set(features.data);
  rows.set(tokens, features.data.length);
  return rows;
}

function remoteState(part: RemotePart, begun: RemoteState): DecodingState {
  return {
    async step(rows, { signal }: RunOptions = {}) {
      throwIfAborted(signal);
      return await ask(part, () => begun.step(rows));
    },
    finish(prompts) {
      // What it frees, it frees at the end as well; a part that is gone is
      // told of by the next step.
      void begun.finish(prompts).catch(() => undefined);
    },
    async dispose() {
      await begun.dispose().catch(() => undefined);
    },
  };
}

/** Asks a part; if it is gone, once more: workerd starts another isolate. */
async function askTwice<Result>(
  part: RemotePart,
  call: () => Promise<Result>,
): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (isFlorenceError(error)) throw error;
  }
  return await ask(part, call);
}

async function ask<Result>(
  { name }: RemotePart,
  call: () => Promise<Result>,
): Promise<Result> {
  try {
    return await call();
  } catch (cause) {
    if (isFlorenceError(cause)) throw cause;
    throw new FlorenceError(
      "engine_unavailable",
      `The part of the model behind ${name} is gone (${cause instanceof Error ? cause.message : String(cause)}). Ask again; if that does not help, deploy it anew.`,
      { cause },
    );
  }
}

/**
 * Asks all parts what they hold.
 *
 * @throws FlorenceError `engine_unavailable`, naming a part that is missing, of
 *   another bundle, or without its segments.
 */
async function checkParts(
  { vision, encoder, decoder }: JoinedParts,
  { revision, segments }: JoinedOptions,
): Promise<void> {
  const all = [...new Set([...vision, encoder, decoder])];
  const held: string[] = [];
  for (const part of all) {
    const about = await askTwice(part, () => part.about());
    if (about.revision !== revision) {
      throw new FlorenceError(
        "engine_unavailable",
        `The part of the model behind ${part.name} holds another bundle (${about.revision.slice(0, 19)}, wanted ${revision.slice(0, 19)}). Deploy all parts of one bundle together.`,
      );
    }
    held.push(...about.segments);
  }
  const missing = segments.find((segment, at) => held[at] !== segment);
  if (missing === undefined && held.length === segments.length) return;
  throw new FlorenceError(
    "engine_unavailable",
    `The parts ${all.map(({ name }) => name).join(", ")} do not make a whole model: ${missing ?? held.at(-1)!} is not where it should be. Deploy all parts of one plan together.`,
  );
}
