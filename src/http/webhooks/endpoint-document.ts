// A webhook endpoint as callers send it and see it.

import * as v from "valibot";
import { findTask, TASKS } from "../../shared/tasks/index.ts";
import type { Row } from "../ports/database.ts";
import { EVENT_TYPES } from "./event-statements.ts";

/** A source of pictures as a filter names it. */
const SourceName = v.pipe(
  v.string("a source"),
  v.regex(/^[a-z0-9-]{1,40}$/u, "upload, r2, api or a hook's name"),
);

const TaskSpelling = v.pipe(
  v.string("a task"),
  v.check(
    (spelling) => findTask(spelling) !== undefined,
    `one of ${TASKS.map((task) => task.spelling).join(", ")}`,
  ),
);

const Filter = v.strictObject({
  /** Only pictures that came this way. */
  sources: v.exactOptional(
    v.pipe(v.array(SourceName, "an array"), v.minLength(1), v.maxLength(50)),
  ),
  /** Only where one of these was asked. */
  tasks: v.exactOptional(
    v.pipe(v.array(TaskSpelling, "an array"), v.minLength(1), v.maxLength(50)),
  ),
});

/** Body of `POST /v1/webhook-endpoints`. */
export const NewEndpointSchema = v.strictObject({
  url: v.pipe(
    v.string("required, an address"),
    v.minLength(1, "an address"),
    v.maxLength(2048, "at most 2048 letters"),
  ),
  events: v.pipe(
    v.array(
      v.picklist(EVENT_TYPES, `one of ${EVENT_TYPES.join(", ")}`),
      "required, an array of events",
    ),
    v.minLength(1, "at least one event"),
    v.maxLength(EVENT_TYPES.length, "each event once"),
  ),
  filter: v.optional(Filter, {}),
  /** Sends the result as well, where the body stays below 20 kB. */
  full: v.optional(v.boolean("true or false"), false),
});

export type NewEndpoint = v.InferOutput<typeof NewEndpointSchema>;

const endpointFields = {
  object: v.literal("webhook_endpoint"),
  id: v.string(),
  url: v.string(),
  events: v.array(v.picklist(EVENT_TYPES)),
  filter: v.object({
    sources: v.exactOptional(v.array(v.string())),
    tasks: v.exactOptional(v.array(v.string())),
  }),
  full: v.boolean(),
  created: v.string(),
  /** Until when the secret before the last rotation signs, too. */
  previous_valid_until: v.exactOptional(v.string()),
};

export const EndpointSchema = v.object(endpointFields);

/** As the one who registered it gets it. */
export const EndpointWithSecretSchema = v.object({
  ...endpointFields,
  secret: v.string(),
});

export type EndpointDocument = v.InferOutput<typeof EndpointSchema>;

/** The document of a row of `webhook_endpoints`. */
export function endpointDocument(row: Row, now: number): EndpointDocument {
  const list = (column: string): string[] | undefined =>
    row[column] === null || row[column] === undefined
      ? undefined
      : (JSON.parse(String(row[column])) as string[]);
  const sources = list("sources");
  const tasks = list("tasks");
  const previousMs = Number(row["previous_valid_until_ms"] ?? 0);
  return {
    object: "webhook_endpoint",
    id: String(row["id"]),
    url: String(row["url"]),
    // Written by us, from `NewEndpointSchema`.
    events: list("events") as EndpointDocument["events"],
    filter: {
      ...(sources !== undefined && { sources }),
      ...(tasks !== undefined && { tasks }),
    },
    full: row["is_full"] === 1,
    created: new Date(Number(row["created_ms"])).toISOString(),
    ...(previousMs > now && {
      previous_valid_until: new Date(previousMs).toISOString(),
    }),
  };
}
