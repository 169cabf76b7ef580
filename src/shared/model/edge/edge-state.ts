// Prompts being answered by the kernels: what the decoder attends to of each
// prompt, and of each row its own tokens so far.

import { FlorenceError, throwIfAborted } from "../../errors.ts";
import type {
  DecodingState,
  Prompt,
  RunOptions,
  StepResult,
  StepRow,
} from "../model.ts";
import { ownBytes, type RowMemory, stepDecoder } from "./decoder.ts";
import type { EdgePlan } from "./edge-plan.ts";
import {
  encodePrompts,
  keptBytes,
  promptLength,
  type PromptMemory,
  writePrompt,
} from "./encoder.ts";
import { FIRST_CAPACITY } from "./memory-plan.ts";
import type { TextWork } from "./text-layers.ts";

/** One row's own keys and values. */
interface Slot {
  readonly at: number;
  readonly capacity: number;
}

/** What the decoder attends to of one prompt. */
export interface KeptPrompt {
  /** As `PromptMemory.cross`; the state gives it back. */
  readonly cross: number;
  readonly length: number;
}

/**
 * Encodes prompts.
 *
 * @param decoding the same memory with the place where the decoder works, where
 *   that is another.
 * @throws FlorenceError `invalid_request` if a prompt is too long,
 *   `engine_unavailable` if memory ends, `deadline_exceeded`.
 */
export async function startState(
  work: TextWork,
  prompts: readonly Prompt[],
  options: RunOptions,
  decoding: TextWork = work,
): Promise<DecodingState> {
  const { plan, weights } = work;
  for (const prompt of prompts) requirePositions(plan, prompt);
  // The encoder's phase begins; what is embedded comes out of the vocabulary.
  await weights.ready("encoder.embedding");
  await weights.ready("vocabulary");
  const outputs: Float32Array[] = [];
  const kept = await keepPrompts(
    work,
    prompts.map((prompt) => ({
      length: promptLength(prompt),
      write: (at) => {
        writePrompt(work, prompt, at);
      },
    })),
    (index, hidden) => {
      if (plan.cache === "f32") outputs[index] = hidden.slice();
    },
    options,
  );
  const state = decodeFrom(decoding, kept);
  return plan.cache === "f32"
    ? {
        ...state,
        encoderOutput: (prompt) => Promise.resolve(outputs[prompt]!),
      }
    : state;
}

/**
 * Encodes prompts whose embeddings are written by the caller.
 *
 * @throws FlorenceError `engine_unavailable` if memory ends,
 *   `deadline_exceeded`; nothing is kept then.
 */
export async function keepPrompts(
  work: TextWork,
  prompts: readonly Omit<PromptMemory, "cross">[],
  told: (index: number, hidden: Float32Array) => void,
  options: RunOptions,
): Promise<readonly KeptPrompt[]> {
  const { arena, plan } = work;
  const kept: PromptMemory[] = [];
  try {
    for (const prompt of prompts) {
      const cross = arena.keep(keptBytes(plan, prompt.length));
      kept.push({ ...prompt, cross });
    }
    await encodePrompts(work, kept, told, options);
    return kept;
  } catch (error) {
    for (const { cross } of kept) arena.release(cross);
    throw error;
  }
}

function requirePositions({ text }: EdgePlan, prompt: Prompt): void {
  const length = promptLength(prompt);
  if (length <= text.positions) return;
  throw new FlorenceError(
    "invalid_request",
    `The prompt needs ${length} positions with the image's ${prompt.features.tokens}; the model has ${text.positions}. Shorten the phrase or give fewer labels.`,
  );
}

/** Prompts that are encoded, to be answered. */
export function decodeFrom(
  work: TextWork,
  kept: readonly KeptPrompt[],
): DecodingState {
  const { arena, plan } = work;
  const lengths = kept.map(({ length }) => length);
  const crosses = new Map(kept.map(({ cross }, index) => [index, cross]));
  let slots: Slot[] = [];
  let position = 0;
  let isDisposed = false;

  const releaseAll = (): void => {
    for (const at of crosses.values()) arena.release(at);
    for (const { at } of slots) arena.release(at);
    crosses.clear();
    slots = [];
  };
  /** Gives each row of a step its parent's memory, copied if shared. */
  const follow = (rows: readonly StepRow[]): void => {
    const old = slots;
    const heirs = new Set<number>();
    const next: Slot[] = [];
    try {
      for (const { parent } of rows) {
        const own = old[parent];
        if (own === undefined) {
          throw new Error(`internal: row ${parent} was not in the last step`);
        }
        const room = position < own.capacity;
        if (room && !heirs.has(parent)) {
          heirs.add(parent);
          next.push(own);
          continue;
        }
        const capacity = room ? own.capacity : 2 * own.capacity;
        next.push(copySlot(work, own, capacity, position));
      }
    } catch (error) {
      for (const slot of next) if (!old.includes(slot)) arena.release(slot.at);
      throw error;
    }
    for (const [index, { at }] of old.entries()) {
      if (!heirs.has(index)) arena.release(at);
    }
    slots = next;
  };

  const beginAgain = (rows: readonly StepRow[]): void => {
    for (const { at } of slots) arena.release(at);
    slots = [];
    position = 0;
    for (let row = 0; row < rows.length; row += 1) {
      const at = arena.keep(ownBytes(plan, FIRST_CAPACITY));
      slots.push({ at, capacity: FIRST_CAPACITY });
    }
  };

  const memoryOf = ({ prompt }: StepRow, row: number): RowMemory => {
    const cross = crosses.get(prompt);
    if (cross === undefined) throw new Error(`internal: no prompt ${prompt}`);
    const { at: own, capacity } = slots[row]!;
    return { own, capacity, cross, length: lengths[prompt]! };
  };

  const step = (
    rows: readonly StepRow[],
    stepOptions: RunOptions,
  ): StepResult[] => {
    if (isDisposed) throw new Error("internal: the decoding state is disposed");
    throwIfAborted(stepOptions.signal);
    if (rows.every(({ parent }) => parent < 0)) beginAgain(rows);
    else follow(rows);
    if (position >= plan.text.positions) {
      throw new Error(
        "internal: the answer is longer than the model's positions",
      );
    }
    const results = stepDecoder(work, rows, rows.map(memoryOf), position);
    position += 1;
    return results;
  };

  return {
    // Rejects where `step` throws.
    step: (rows, stepOptions = {}) =>
      new Promise((resolve) => {
        resolve(step(rows, stepOptions));
      }),
    finish(finished) {
      for (const prompt of finished) {
        const at = crosses.get(prompt);
        if (at === undefined) continue;
        crosses.delete(prompt);
        arena.release(at);
      }
    },
    dispose() {
      if (!isDisposed) releaseAll();
      isDisposed = true;
      return Promise.resolve();
    },
  };
}

/** A copy of a row's tokens, with room for more. */
function copySlot(
  { arena, plan }: TextWork,
  own: Slot,
  capacity: number,
  tokens: number,
): Slot {
  const at = arena.keep(ownBytes(plan, capacity));
  const layers = plan.text.decoder_layers;
  const bytes = new Uint8Array(arena.memory.buffer);
  const used = ownBytes(plan, tokens) / layers;
  for (let layer = 0; layer < layers; layer += 1) {
    const from = own.at + (layer * ownBytes(plan, own.capacity)) / layers;
    const to = at + (layer * ownBytes(plan, capacity)) / layers;
    bytes.copyWithin(to, from, from + used);
  }
  return { at, capacity };
}
