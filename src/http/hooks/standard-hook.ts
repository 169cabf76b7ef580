// Hooks of kind `standard`: signed as Standard Webhooks has it.

import { verifyStandardWebhook } from "../../shared/webhooks/standard-webhook.ts";
import type { HookRequest, IncomingMessage } from "./incoming.ts";
import { namedImages } from "./named-images.ts";

/** @throws FlorenceError `signature_invalid`, `invalid_json`, `invalid_request`. */
export async function readStandardHook({
  source,
  headers,
  body,
  nowMs,
}: HookRequest): Promise<IncomingMessage> {
  const { secret } = source;
  const { id } = await verifyStandardWebhook({ secret, headers, body, nowMs });
  return {
    pictures: namedImages(body).map((place, index) => ({
      dedupeKey: `${id}:${index}`,
      place,
      key: place.kind === "url" ? place.url : null,
    })),
    ignored: [],
  };
}
