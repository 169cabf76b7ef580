// The events we send, as OpenAPI's `webhooks`.

import { WEBHOOK_EVENTS } from "../webhooks/webhook-events.ts";
import { bodyJsonSchema, type JsonSchema } from "./component-schemas.ts";

/** Standard Webhooks, version 1.0.0. */
const HEADERS = {
  "webhook-id":
    "The same for every attempt of one delivery: who has seen it need not do it again.",
  "webhook-timestamp": "Seconds since 1970, of this attempt.",
  "webhook-signature":
    "`v1,` and the HMAC-SHA-256 of id, timestamp and body, in base64; two of them while a rotation lasts.",
};

/** `webhooks`: one item for each type of event. */
export function webhookItems(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(
    WEBHOOK_EVENTS.map(({ name, description, schema }) => [
      name,
      {
        post: {
          operationId: `on.${name}`,
          tags: ["Webhooks"],
          summary: name,
          description,
          security: [],
          parameters: Object.entries(HEADERS).map(([header, about]) => ({
            name: header,
            in: "header",
            required: true,
            description: about,
            schema: { type: "string" },
          })),
          requestBody: {
            required: true,
            content: { "application/json": { schema: bodyJsonSchema(schema) } },
          },
          responses: {
            "2XX": {
              description:
                "Taken. Anything else is tried again for a day, then kept as dead until it is replayed.",
            },
          },
        },
      },
    ]),
  );
}
