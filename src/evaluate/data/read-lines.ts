// Text files as whole lines.

import { readFile } from "node:fs/promises";
import { FlorenceError } from "../../shared/errors.ts";
import { dataError } from "./data-error.ts";

/** A line that is not blank. */
export interface Line {
  /** From 1. */
  readonly number: number;
  readonly text: string;
}

/** @throws FlorenceError `not_found`. */
export async function readText(file: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FlorenceError(
      "not_found",
      `Cannot read ${file}: ${reason}. Name a file of the data set.`,
      { cause },
    );
  });
  return text.replace(/^\uFEFF/u, "");
}

/** The lines of a text that are not blank. */
export function linesOf(text: string): Line[] {
  return text
    .split(/\r?\n/u)
    .map((line, at) => ({ number: at + 1, text: line }))
    .filter((line) => line.text.trim() !== "");
}

/**
 * Parses JSON lines.
 *
 * @throws FlorenceError `invalid_request` with the number of a line that is no
 *   JSON; the last one, without its line break, may be half-written.
 */
export function parseJsonLines(
  text: string,
  file: string,
): { readonly number: number; readonly value: unknown }[] {
  const lines = linesOf(text);
  return lines.map(({ number, text: line }, at) => {
    try {
      return { number, value: JSON.parse(line) as unknown };
    } catch (cause) {
      const isHalf = at === lines.length - 1 && !text.endsWith("\n");
      throw dataError(
        file,
        number,
        isHalf
          ? "the last line is half-written. Remove it, or write the file again."
          : `this is no JSON: ${line.slice(0, 60)}`,
        cause,
      );
    }
  });
}
