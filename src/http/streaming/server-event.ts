// One server-sent event, for descriptions of answers that are events.

import * as v from "valibot";

/** `data` is JSON, written as text. */
export const ServerEventSchema = v.object({
  id: v.exactOptional(v.string()),
  event: v.exactOptional(v.string()),
  data: v.string(),
});
