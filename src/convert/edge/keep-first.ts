// The first matrices of a model's towers stay in f32, as far as bytes allow.

import { partOf } from "../parts.ts";
import { type EdgeChoices, storageOf } from "./edge-choices.ts";
import type { EdgePart } from "./edge-part.ts";

/** Bytes that f32 takes more than 7 bits. */
const MORE_BYTES = 3;

/**
 * Keeps matrices in f32 one after another, in the order of their use, up to the
 * first that `exactBytes` of the choices does not pay for.
 *
 * @param parts of the towers.
 */
export function keepFirst(
  parts: readonly EdgePart[],
  choices: EdgeChoices,
): readonly EdgePart[] {
  let left = choices.exactBytes ?? 0;
  return parts.map((part) => {
    if (part.kind === "vector" || part.keep !== undefined) return part;
    if (storageOf(choices, partOf(part.name)) === "f32") return part;
    const bytes = MORE_BYTES * part.outputs * part.inputs;
    if (bytes > left) {
      left = 0;
      return part;
    }
    left -= bytes;
    return { ...part, keep: "f32" };
  });
}
