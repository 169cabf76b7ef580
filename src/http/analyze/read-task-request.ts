// `POST /v1/tasks/{task}`: one task named by the path, its fields in the body.

import { FlorenceError, type FieldError } from "../../shared/errors.ts";
import { parseAnalyzeRequest } from "../../shared/schema/analysis.ts";
import {
  findTask,
  parseSpelling,
  parseTask,
  type AnyTask,
} from "../../shared/tasks/index.ts";
import type { ReceivedRequest } from "./read-analyze-request.ts";
import { mediaTypeOf, readImage, type BodyLimits } from "./read-image.ts";

/** Task fields that are text and can stand in the query of a raw image. */
const TEXT_FIELDS = ["phrase", "labels"];

/**
 * Reads the request of one task.
 *
 * @param spelling as in the path: `caption`, `caption:detailed`.
 * @throws FlorenceError with every code of a caller's mistake.
 */
export async function readTaskRequest(
  request: Request,
  spelling: string,
  limits: BodyLimits,
): Promise<ReceivedRequest> {
  const named = parseSpelling(spelling);
  // `parseSpelling` found it.
  const task = findTask(spelling)!;
  const hasOwnRequest = ["multipart/form-data", "application/json"].includes(
    mediaTypeOf(request),
  );
  const query = new URL(request.url).searchParams;
  const fromQuery = queryFields(query, task, hasOwnRequest);
  if (!hasOwnRequest) parseTask({ ...named, ...fromQuery }, "");

  const { image, request: own } = await readImage(request, limits);
  const { options, metadata, ...fields } = own ?? fromQuery;
  refuseContradictions(fields, named, task, spelling);
  return {
    ...parseAnalyzeRequest({
      tasks: [parseTask({ ...named, ...fields }, "")],
      ...(options !== undefined && { options }),
      ...(metadata !== undefined && { metadata }),
    }),
    image,
  };
}

/** The path says what is asked; the body may only choose a variant it left open. */
function refuseContradictions(
  fields: Readonly<Record<string, unknown>>,
  named: Readonly<Record<string, unknown>>,
  { variant }: AnyTask,
  spelling: string,
): void {
  const errors: FieldError[] = [];
  if ("task" in fields) {
    errors.push({
      pointer: "/task",
      detail: "the path names the task; leave it out",
    });
  }
  const field = variant?.field;
  const isNamed = field !== undefined && /[:<]/u.test(spelling);
  if (isNamed && field in fields && fields[field] !== named[field]) {
    errors.push({
      pointer: `/${field}`,
      detail: `the path says ${JSON.stringify(named[field])}; leave it out`,
    });
  }
  const [first] = errors;
  if (first === undefined) return;
  throw new FlorenceError(
    "invalid_request",
    `${first.pointer}: ${first.detail}.`,
    { errors },
  );
}

function queryFields(
  query: URLSearchParams,
  { spelling, inputs, variant }: AnyTask,
  hasOwnRequest: boolean,
): Readonly<Record<string, unknown>> {
  const known = [
    ...inputs.filter((input) => TEXT_FIELDS.includes(input)),
    ...(variant === null ? [] : [variant.field]),
  ];
  const fields: Record<string, unknown> = {};
  for (const name of new Set(query.keys())) {
    const shown = name.slice(0, 40);
    if (hasOwnRequest) {
      throw invalid(
        name,
        `The query has "${shown}", but the body says what is asked. Move it into the body.`,
      );
    }
    if (!known.includes(name)) {
      const taken = known.length === 0 ? "nothing" : known.join(" and ");
      throw invalid(
        name,
        `The query has "${shown}"; beside a raw image ${spelling} takes ${taken} there. Send everything else as multipart: -F image=@photo.jpg -F 'request={"options":{...}}'.`,
      );
    }
    const values = query.getAll(name);
    if (values.length > 1) {
      throw invalid(
        name,
        `The query has several ${name} parameters. Give one; labels are separated by commas.`,
      );
    }
    const [value = ""] = values;
    fields[name] = name === "labels" ? value.split(",") : value;
  }
  return fields;
}

function invalid(name: string, message: string): FlorenceError {
  const pointer = `/${name.slice(0, 40).replaceAll("~", "~0").replaceAll("/", "~1")}`;
  return new FlorenceError("invalid_request", message, {
    errors: [{ pointer, detail: message }],
  });
}
