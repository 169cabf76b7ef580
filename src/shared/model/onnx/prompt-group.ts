// Prompts that share one encoder run and are decoded as one batch: all their
// images have the same number of visual tokens.

import { FlorenceError, throwIfAborted } from "../../errors.ts";
import { chooseTokens } from "../choose-tokens.ts";
import type { Manifest } from "../manifest.ts";
import type { Prompt, RunOptions, StepResult, StepRow } from "../model.ts";
import type {
  HeldTensor,
  Session,
  SessionFactory,
  Tensor,
} from "../session.ts";
import { layOutRows } from "./row-layout.ts";

/** What a group needs of its model. */
export interface TextGraphs {
  readonly manifest: Manifest;
  readonly sessions: SessionFactory;
  readonly encoder: Session;
  readonly decoder: Session;
}

/** A batch of prompts between two steps. */
export interface PromptGroup {
  step(
    rows: readonly StepRow[],
    rowNumbers: readonly number[],
    options: RunOptions,
  ): Promise<readonly StepResult[]>;
  finish(prompt: number): void;
  encoderOutput(prompt: number): Promise<Float32Array>;
  dispose(): void;
}

/**
 * Runs the encoder over some prompts.
 *
 * @param prompts all with the same number of visual tokens.
 * @param numbers the prompts' numbers in the whole state.
 */
export async function encodePromptGroup(
  graphs: TextGraphs,
  prompts: readonly Prompt[],
  numbers: readonly number[],
  options: RunOptions,
): Promise<PromptGroup> {
  const { manifest, sessions } = graphs;
  const { pad_token_id: pad } = manifest.generation;
  const tokens = prompts[0]!.features.tokens;
  const texts = prompts.map(({ features, ids }) => [
    ...features.hintIds,
    ...ids,
  ]);
  const textLength = Math.max(...texts.map((ids) => ids.length));
  const length = tokens + textLength;
  if (length > manifest.text.positions) {
    throw new FlorenceError(
      "invalid_request",
      `The prompt needs ${length} positions with the image's ${tokens}; the model has ${manifest.text.positions}. Shorten the phrase or give fewer labels.`,
    );
  }

  const width = manifest.text.d_model;
  const imageFeatures = new Float32Array(prompts.length * tokens * width); // [P, N, d]
  const textIds = new BigInt64Array(prompts.length * textLength).fill(
    BigInt(pad),
  ); // [P, T]
  const mask = new BigInt64Array(prompts.length * length); // [P, N + T]
  for (const [index, { features }] of prompts.entries()) {
    imageFeatures.set(features.data, index * tokens * width);
    const ids = texts[index]!;
    textIds.set(ids.map(BigInt), index * textLength);
    mask.fill(1n, index * length, index * length + tokens + ids.length);
  }

  throwIfAborted(options.signal);
  const encoded = await graphs.encoder.run(
    {
      image_features: tensor(
        "float32",
        [prompts.length, tokens, width],
        imageFeatures,
      ),
      text_ids: tensor("int64", [prompts.length, textLength], textIds),
      attention_mask: tensor("int64", [prompts.length, length], mask),
    },
    options,
  );

  let active = [...numbers];
  const cross = crossTensors(encoded, manifest.text.decoder_layers);
  let crossMask: HeldTensor = sessions.hold(
    tensor("int64", [prompts.length, length], mask),
  );
  const hidden = encoded["encoder_hidden_states"]!;
  let past: Record<string, HeldTensor> | null = null;
  let previousSlots: Map<number, number> | null = null;
  let previousWidth = 0;
  let position = 0;
  let isDisposed = false;

  const finished = new Set<number>();

  /** Lets go of the prompts that no row will answer any more. */
  const narrow = async (): Promise<void> => {
    const kept = active.flatMap((prompt, index) =>
      finished.has(prompt) ? [] : [index],
    );
    if (kept.length === active.length) return;
    for (const name of Object.keys(cross)) {
      cross[name] = await takeRows(cross[name]!, kept, sessions);
    }
    crossMask = await takeRows(crossMask, kept, sessions);
    if (past !== null) {
      const slots = kept.flatMap((index) =>
        Array.from(
          { length: previousWidth },
          (_, at) => index * previousWidth + at,
        ),
      );
      const moved = new Map(slots.map((slot, at) => [slot, at]));
      for (const name of Object.keys(past)) {
        past[name] = await takeRows(past[name]!, slots, sessions);
      }
      for (const [row, slot] of previousSlots ?? []) {
        const at = moved.get(slot);
        if (at === undefined) previousSlots!.delete(row);
        else previousSlots!.set(row, at);
      }
    }
    active = kept.map((index) => active[index]!);
  };

  return {
    async step(rows, rowNumbers, stepOptions) {
      if (isDisposed)
        throw new Error("internal: the decoding state is disposed");
      throwIfAborted(stepOptions.signal);
      await narrow();
      if (rows.every((row) => row.parent < 0)) {
        disposeAll(past);
        past = null;
        previousSlots = null;
        position = 0;
      }
      if (position >= manifest.text.positions) {
        throw new Error(
          "internal: the answer is longer than the model's positions",
        );
      }
      const layout = layOutRows(active, rows, previousSlots, pad);
      const slots = active.length * layout.width;
      const outputs = await graphs.decoder.run(
        {
          input_ids: int64([slots, 1], layout.tokenIds),
          parents: int64([slots], layout.parents),
          encoder_attention_mask: crossMask,
          ...cross,
          ...(past ?? emptyPast(manifest, slots)),
        },
        stepOptions,
      );
      disposeAll(past);
      past = {};
      for (let layer = 0; layer < manifest.text.decoder_layers; layer += 1) {
        for (const kind of ["key", "value"]) {
          past[`past.${layer}.${kind}`] = outputs[`present.${layer}.${kind}`]!;
        }
      }
      previousWidth = layout.width;
      previousSlots = new Map(
        rowNumbers.map((number, at) => [number, layout.slotOfRow[at]!]),
      );
      position += 1;

      const held = outputs["logits"]!;
      const logits = (await held.read()).data as Float32Array; // [slots, V]
      held.dispose();
      const vocabulary = manifest.text.vocabulary;
      return rows.map((row, at) => {
        const start = layout.slotOfRow[at]! * vocabulary;
        return chooseTokens(logits.subarray(start, start + vocabulary), row);
      });
    },

    finish(prompt) {
      finished.add(prompt);
    },

    async encoderOutput(prompt) {
      const index = numbers.indexOf(prompt);
      const all = (await hidden.read()).data as Float32Array; // [P, S, d]
      const own = index * length * width;
      return all.slice(own, own + (tokens + texts[index]!.length) * width);
    },

    dispose() {
      if (isDisposed) return;
      isDisposed = true;
      disposeAll(past);
      disposeAll(cross);
      crossMask.dispose();
      hidden.dispose();
    },
  };
}

function tensor(
  type: Tensor["type"],
  dims: readonly number[],
  data: Tensor["data"],
): Tensor {
  return { type, dims, data };
}

function int64(dims: readonly number[], values: readonly number[]): Tensor {
  return tensor("int64", dims, BigInt64Array.from(values, BigInt));
}

function crossTensors(
  encoded: Readonly<Record<string, HeldTensor>>,
  layers: number,
): Record<string, HeldTensor> {
  const cross: Record<string, HeldTensor> = {};
  for (let layer = 0; layer < layers; layer += 1) {
    for (const kind of ["key", "value"]) {
      const name = `cross.${layer}.${kind}`;
      cross[name] = encoded[name]!;
    }
  }
  return cross;
}

/** A past of no tokens, for the first step. */
function emptyPast(manifest: Manifest, slots: number): Record<string, Tensor> {
  const { heads, d_model: width, decoder_layers: layers } = manifest.text;
  const past: Record<string, Tensor> = {};
  for (let layer = 0; layer < layers; layer += 1) {
    for (const kind of ["key", "value"]) {
      past[`past.${layer}.${kind}`] = tensor(
        "float32",
        [slots, heads, 0, width / heads],
        new Float32Array(0),
      );
    }
  }
  return past;
}

/** Keeps some rows of the first axis; disposes the tensor it was given. */
async function takeRows(
  held: HeldTensor,
  rows: readonly number[],
  sessions: SessionFactory,
): Promise<HeldTensor> {
  const whole = await held.read();
  held.dispose();
  const [count, ...rest] = whole.dims as [number, ...number[]];
  const size = whole.data.length / count;
  const data = whole.data.slice(0, rows.length * size);
  for (const [to, from] of rows.entries()) {
    // One of the two union members at a time; both have `set` and `subarray`.
    (data as Float32Array).set(
      (whole.data as Float32Array).subarray(from * size, (from + 1) * size),
      to * size,
    );
  }
  return sessions.hold({ ...whole, dims: [rows.length, ...rest], data });
}

function disposeAll(
  tensors: Readonly<Record<string, HeldTensor>> | null,
): void {
  for (const held of Object.values(tensors ?? {})) held.dispose();
}
