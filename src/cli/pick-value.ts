// Flags that take one of a few words.

import { nearestWord } from "../shared/schema/nearest.ts";
import { usageError } from "./usage-error.ts";

/**
 * The value of a flag as one of `choices`; undefined if it was not given.
 *
 * @throws FlorenceError `invalid_request` for any other, with the nearest.
 */
export function pickValue<const Choice extends string>(
  flag: string,
  given: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (given === undefined) return undefined;
  const choice = choices.find((one) => one === given);
  if (choice !== undefined) return choice;
  const near = nearestWord(given, choices);
  const hint = near === null ? "" : ` Did you mean ${near}?`;
  throw usageError(
    `--${flag} is one of ${choices.join(", ")}; "${given}" is not.${hint}`,
  );
}
