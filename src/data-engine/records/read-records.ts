// JSON lines of photos, from files of ours and of others, checked line by line.

import { readFile } from "node:fs/promises";
import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { fieldErrors } from "../../shared/schema/field-errors.ts";
import {
  isSeen,
  SeenPhotoSchema,
  type PhotoRecord,
  type SeenPhoto,
  UnreadablePhotoSchema,
} from "./record.ts";

/**
 * Reads the lines of a file. A last line without its end is left out: a run may
 * be writing it.
 *
 * @throws FlorenceError `not_found`, or `invalid_request` with the line's number.
 */
export async function readRecords(path: string): Promise<PhotoRecord[]> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new FlorenceError(
      "not_found",
      `Cannot read ${path}. Name a file of records that florence data-engine wrote.`,
      { cause },
    );
  });
  return parseRecords(text.split("\n").slice(0, -1), path);
}

/**
 * Parses whole lines.
 *
 * @throws FlorenceError `invalid_request` with file, number and field.
 */
export function parseRecords(
  lines: readonly string[],
  path: string,
): PhotoRecord[] {
  return lines.map((line, index) => {
    const value = parseJsonLine(line, path, index + 1);
    // The union's own issues would only say that neither side fits.
    const isFailure =
      typeof value === "object" && value !== null && !("annotations" in value);
    const schema = isFailure ? UnreadablePhotoSchema : SeenPhotoSchema;
    return parseLine(schema, value, path, index + 1);
  });
}

/** @throws FlorenceError `invalid_request`: the line is no JSON. */
export function parseJsonLine(
  line: string,
  path: string,
  number: number,
): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new FlorenceError(
      "invalid_request",
      `${path}, line ${number} is no JSON: ${line.slice(0, 60)}. Was it half-written? Remove it, or write it again.`,
      { cause },
    );
  }
}

/** @throws FlorenceError `invalid_request`, naming the line and its faulty fields. */
export function parseLine<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  path: string,
  number: number,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const errors = fieldErrors(parsed.issues, "");
  const [first] = errors;
  throw new FlorenceError(
    "invalid_request",
    `${path}, line ${number}: ${first?.pointer ?? ""} ${first?.detail ?? "is not valid"}.`,
    { errors },
  );
}

/** Everything known of one photo. */
export interface PhotoHistory {
  /** The last line of each source, in the order they came. */
  readonly seen: readonly SeenPhoto[];
  /** Set where the file cannot be read and never was since. */
  readonly unreadable: PhotoRecord | null;
}

/**
 * The lines of each photo by its path: of several lines of a source, or about
 * several contents of a file, the last holds.
 */
export function historyByPhoto(
  records: readonly PhotoRecord[],
): Map<string, PhotoHistory> {
  const photos = new Map<string, PhotoHistory>();
  for (const record of records) {
    const { path } = record.photo;
    if (!isSeen(record)) {
      photos.set(path, { seen: [], unreadable: record });
      continue;
    }
    const before = photos.get(path)?.seen ?? [];
    const seen = before.filter(
      ({ photo, by }) =>
        photo.sha256 === record.photo.sha256 && by?.id !== record.by?.id,
    );
    photos.set(path, { seen: [...seen, record], unreadable: null });
  }
  return photos;
}
