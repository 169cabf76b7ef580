// Where one job's answers are sent: a registered endpoint, or an address of its
// own.

import * as v from "valibot";

/** What a callback may be told of. */
export const CALLBACK_EVENTS = [
  "analysis.completed",
  "analysis.failed",
] as const;

const Events = v.pipe(
  v.array(
    v.picklist(
      CALLBACK_EVENTS,
      CALLBACK_EVENTS.map((event) => JSON.stringify(event)).join(" or "),
    ),
    "an array of events",
  ),
  v.minLength(1, "at least one event"),
  v.maxLength(CALLBACK_EVENTS.length, "each event once"),
);

/** `callback` of a job or an upload. */
export const CallbackSchema = v.pipe(
  v.strictObject({
    /** A registered endpoint; its own events and filter are not asked. */
    endpoint_id: v.exactOptional(v.pipe(v.string("a string"), v.minLength(1))),
    url: v.exactOptional(
      v.pipe(v.string("an address"), v.url("an address"), v.maxLength(2048)),
    ),
    events: v.optional(Events, [...CALLBACK_EVENTS]),
    /** Sends the result as well, where the body stays below 20 kB. */
    full: v.optional(v.boolean("true or false"), false),
  }),
  v.check(
    ({ endpoint_id: endpointId, url }) =>
      (endpointId === undefined) !== (url === undefined),
    "exactly one of endpoint_id and url",
  ),
);

export type Callback = v.InferOutput<typeof CallbackSchema>;
