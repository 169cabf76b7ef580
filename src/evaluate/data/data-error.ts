// What is wrong in a data file, said with the line it stands in.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { fieldErrors } from "../../shared/schema/field-errors.ts";

/**
 * A fault of a data file.
 *
 * @param line counted from 1; null where a file has no lines to speak of.
 * @param detail what is wrong and what to do, one sentence or two.
 */
export function dataError(
  file: string,
  line: number | null,
  detail: string,
  cause?: unknown,
): FlorenceError {
  const place = line === null ? file : `${file}, line ${line}`;
  return new FlorenceError("invalid_request", `${place}: ${detail}`, { cause });
}

/** @throws FlorenceError `invalid_request` naming the line and the faulty field. */
export function parseLine<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  file: string,
  line: number,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [first] = fieldErrors(parsed.issues, "");
  throw dataError(
    file,
    line,
    `${first?.pointer === "" ? "the line" : (first?.pointer ?? "")}: ${first?.detail ?? "is not valid"}.`,
  );
}
