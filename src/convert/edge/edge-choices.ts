// How the parts of a model are stored for the kernels.

import { FlorenceError } from "../../shared/errors.ts";
import type { EdgeStorage } from "../../shared/model/edge/edge-plan.ts";

/** A choice for each part of a model. */
export interface EdgeChoices {
  /** Of the parts that are not named. */
  readonly rest: EdgeStorage;
  /** By part, as `florence inspect` names them. */
  readonly parts?: Readonly<Record<string, EdgeStorage>>;
  /** Values along k that share a scale of 4-bit weights: 32 if left out. */
  readonly group?: number;
  /**
   * Bytes that may be spent on keeping a tower's first matrices in f32; 0 if
   * left out. What they lose, all that follows is given; most are small.
   */
  readonly exactBytes?: number;
}

/** What is taken where nothing is said. */
export const EDGE_CHOICES: EdgeChoices = { rest: "int8" };

/** Values along k that share a scale, where nothing is said. */
export const GROUP = 32;

/** What bits of a weight are called on the command line. */
const BY_BITS: Readonly<Record<string, EdgeStorage>> = {
  "32": "f32",
  "7": "int8",
  "4": "int4",
};

/** How a part is stored. */
export function storageOf(choices: EdgeChoices, part: string): EdgeStorage {
  return choices.parts?.[part] ?? choices.rest;
}

/**
 * Reads choices such as `7` or `7,decoder=4,head=32`: bits of a weight.
 *
 * @throws FlorenceError `invalid_request`.
 */
export function parseEdgeChoices(text: string): EdgeChoices {
  let { rest } = EDGE_CHOICES;
  const parts: Record<string, EdgeStorage> = {};
  for (const item of text.split(",")) {
    const [before, after] = item.split("=") as [string, string?];
    const bits = (after ?? before).trim();
    const storage = BY_BITS[bits];
    if (storage === undefined) {
      throw new FlorenceError(
        "invalid_request",
        `"${item}" names no bits of a weight. Use 32, 7 or 4, for parts as in 7,decoder=4.`,
      );
    }
    if (after === undefined) rest = storage;
    else parts[before.trim()] = storage;
  }
  return { rest, parts };
}

/**
 * Checks that every part named is there.
 *
 * @throws FlorenceError `invalid_request`, naming those that are.
 */
export function checkParts(
  choices: EdgeChoices,
  known: Iterable<string>,
): void {
  const names = [...known];
  for (const part of Object.keys(choices.parts ?? {})) {
    if (names.includes(part)) continue;
    throw new FlorenceError(
      "invalid_request",
      `The model has no part "${part}"; it has ${names.join(", ")}.`,
    );
  }
}
