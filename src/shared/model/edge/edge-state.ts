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
import { crossBytes, encodePrompt, promptLength } from "./encoder.ts";
import { FIRST_CAPACITY } from "./memory-plan.ts";
import type { TextWork } from "./text-layers.ts";

/** One row's own keys and values. */
interface Slot {
  readonly at: number;
  readonly capacity: number;
}

/**
 * Encodes prompts one after another.
 *
 * @throws FlorenceError `invalid_request` if a prompt is too long,
 *   `engine_unavailable` if memory ends, `deadline_exceeded`.
 */
export function startState(
  work: TextWork,
  prompts: readonly Prompt[],
  options: RunOptions,
): DecodingState {
  const { arena, plan } = work;
  const lengths = prompts.map(promptLength);
  for (const [index, length] of lengths.entries()) {
    if (length <= plan.text.positions) continue;
    throw new FlorenceError(
      "invalid_request",
      `The prompt needs ${length} positions with the image's ${prompts[index]!.features.tokens}; the model has ${plan.text.positions}. Shorten the phrase or give fewer labels.`,
    );
  }
  const crosses = new Map<number, number>();
  const outputs: Float32Array[] = [];
  let slots: Slot[] = [];
  let position = 0;
  let isDisposed = false;

  const releaseAll = (): void => {
    for (const at of crosses.values()) arena.release(at);
    for (const { at } of slots) arena.release(at);
    crosses.clear();
    slots = [];
  };
  try {
    for (const [index, prompt] of prompts.entries()) {
      const length = lengths[index]!;
      const at = arena.keep(crossBytes(plan, length));
      crosses.set(index, at);
      const hidden = encodePrompt(work, prompt, at, options);
      if (plan.cache === "f32") outputs.push(hidden.slice());
    }
  } catch (error) {
    releaseAll();
    throw error;
  }

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

  const state: DecodingState = {
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
  return plan.cache === "f32"
    ? {
        ...state,
        encoderOutput: (prompt) => Promise.resolve(outputs[prompt]!),
      }
    : state;
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
