// Reads a JSON body and holds it to its schema: what is wrong with it is said
// field by field.

import * as v from "valibot";
import { FlorenceError } from "../shared/errors.ts";
import {
  fieldErrors,
  isUnknownField,
  unknownFieldDetail,
} from "../shared/schema/field-errors.ts";
import { readBody } from "./read-body.ts";

/** A schema of a JSON object. */
type ObjectSchema = v.GenericSchema & {
  readonly entries?: Readonly<Record<string, unknown>>;
};

/**
 * The body as its schema has it.
 *
 * @param isOptional takes a request without a body as `{}`.
 * @throws FlorenceError `unsupported_media_type`, `body_too_large`,
 *   `invalid_json`, `invalid_request` with a pointer to each faulty field.
 */
export async function readJsonBody<const Schema extends ObjectSchema>(
  request: Request,
  schema: Schema,
  {
    maxBytes,
    isOptional = false,
  }: { readonly maxBytes: number; readonly isOptional?: boolean },
): Promise<v.InferOutput<Schema>> {
  const bytes = await readBody(request, maxBytes, () => bodyTooLarge(maxBytes));
  if (isOptional && bytes.length === 0) return parseBody({}, schema);
  refuseOtherTypes(request);
  return parseBody(parseJson(bytes), schema);
}

/**
 * Holds a value of a caller's body to its schema.
 *
 * @throws FlorenceError `invalid_request`
 */
export function parseBody<const Schema extends ObjectSchema>(
  value: unknown,
  schema: Schema,
): v.InferOutput<Schema> {
  // Valibot takes an array for an object.
  const given = Array.isArray(value) ? null : value;
  const parsed = v.safeParse(schema, given);
  if (parsed.success) return parsed.output;
  const known = Object.keys(schema.entries ?? {});
  const errors = fieldErrors(parsed.issues, "", (issue) =>
    isUnknownField(issue) && issue.path?.length === 1 && known.length > 0
      ? unknownFieldDetail(issue, known)
      : null,
  );
  const list = errors
    .slice(0, 3)
    .map(({ pointer, detail }) =>
      pointer === "" ? detail : `${pointer}: ${detail}`,
    );
  const more = errors.length > 3 ? `; and ${errors.length - 3} more` : "";
  throw new FlorenceError(
    "invalid_request",
    `The body is not right: ${list.join("; ")}${more}.`,
    { errors },
  );
}

function refuseOtherTypes(request: Request): void {
  const stated = request.headers.get("Content-Type");
  const type = (stated ?? "").split(";")[0]!.trim().toLowerCase();
  if (type === "application/json") return;
  throw new FlorenceError(
    "unsupported_media_type",
    `Content-Type is ${stated === null ? "missing" : stated.slice(0, 80)}; this takes application/json.`,
  );
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes),
    ) as unknown;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FlorenceError(
      "invalid_json",
      `The body is not JSON: ${reason.slice(0, 200)}.`,
      { cause },
    );
  }
}

function bodyTooLarge(maxBytes: number): FlorenceError {
  return new FlorenceError(
    "body_too_large",
    `The body is larger than ${Math.round(maxBytes / 1e3)} kB, the limit here. Send less in one request.`,
  );
}
