// The work queue over Cloudflare Queues.

import type {
  WorkMessage,
  WorkQueue,
} from "../../src/http/ports/work-queue.ts";

/** Messages of one `sendBatch`. */
const MAX_BATCH = 100;

export function cloudflareQueue(queue: Queue<WorkMessage>): WorkQueue {
  return {
    async send(messages, { delaySeconds = 0 } = {}) {
      for (let first = 0; first < messages.length; first += MAX_BATCH) {
        await queue.sendBatch(
          messages
            .slice(first, first + MAX_BATCH)
            .map((body) => ({ body, contentType: "json", delaySeconds })),
        );
      }
    },
  };
}
