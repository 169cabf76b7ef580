// The events we send, as OpenAPI's `webhooks`.

import type { JsonSchema } from "./component-schemas.ts";

/** `webhooks`: one item for each type of event. */
export function webhookItems(): Readonly<Record<string, JsonSchema>> {
  return {};
}
