// Large JSON files of data sets: parsed at once, and where something is wrong
// in them, with the line it stands in.

import { findNodeAtLocation, parseTree } from "jsonc-parser";
import * as v from "valibot";
import type { FlorenceError } from "../../shared/errors.ts";
import { dataError } from "./data-error.ts";
import { readText } from "./read-lines.ts";

/** A parsed file and what is needed to speak of its places. */
export interface JsonFile {
  readonly file: string;
  readonly text: string;
  readonly value: unknown;
}

/** Keys and indices from the top, e.g. `["annotations", 3, "bbox"]`. */
export type JsonPath = readonly (string | number)[];

/** @throws FlorenceError `not_found`, or `invalid_request` if it is no JSON. */
export async function readJson(file: string): Promise<JsonFile> {
  const text = await readText(file);
  try {
    return { file, text, value: JSON.parse(text) as unknown };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const at = /position (\d+)/u.exec(reason)?.[1];
    const line = at === undefined ? lineOf(text, text.length) : lineOf(text, Number(at)); // prettier-ignore
    throw dataError(file, line, `this is no JSON: ${reason}.`, cause);
  }
}

/** @throws FlorenceError `invalid_request` with the line of the first fault. */
export function parseJson<Schema extends v.GenericSchema>(
  schema: Schema,
  json: JsonFile,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, json.value, { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = (issue.path ?? []).map(({ key }) => key as string | number);
  throw jsonError(json, path, issue.message);
}

/**
 * A fault at a place of a file. Finding its line reads the file once more.
 *
 * @param path to what is wrong; where it is missing, what should hold it counts.
 */
export function jsonError(
  { file, text }: JsonFile,
  path: JsonPath,
  detail: string,
): FlorenceError {
  const root = parseTree(text);
  let node = root;
  for (let depth = path.length; depth > 0; depth -= 1) {
    const found =
      root && findNodeAtLocation(root, path.slice(0, depth)); // prettier-ignore
    if (found === undefined) continue;
    node = found;
    break;
  }
  const place = path.length === 0 ? "" : `${path.join("/")}: `;
  return dataError(
    file,
    lineOf(text, node?.offset ?? 0),
    `${place}${detail.replace(/\.$/u, "")}.`,
  );
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
