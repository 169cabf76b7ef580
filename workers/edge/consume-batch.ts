// Queue messages, one by one: hints of our own, and R2's events.

import {
  WorkMessageSchema,
  type WorkMessage,
} from "../../src/http/ports/work-queue.ts";
import type { Service } from "../../src/http/service.ts";
import * as v from "valibot";

/** Seconds until a message that failed comes again; the n-th try waits longer. */
const RETRY_SECONDS = [5, 30, 120, 600] as const;

/** What the name of a dead-letter queue ends with. */
const DEAD = "-dead";

/** What the messages are given to. */
type Consumer = Pick<Service, "consume" | "bucketEvents" | "buryBucketEvent">;

/**
 * Takes every message of a batch. One that fails comes again later and, after
 * the tries `wrangler.toml` allows, goes to the dead-letter queue; the others
 * are not held up by it.
 */
export async function consumeBatch(
  batch: MessageBatch,
  service: Consumer,
): Promise<void> {
  await Promise.all(
    batch.messages.map(async (message) => {
      try {
        await take(message.body, batch.queue.endsWith(DEAD), service);
        message.ack();
      } catch (error) {
        console.error(`queue ${batch.queue}, message ${message.id}:`, error);
        message.retry({ delaySeconds: retryDelay(message.attempts) });
      }
    }),
  );
}

/** A hint of ours says its kind; everything else came from R2. */
async function take(
  body: unknown,
  isDead: boolean,
  service: Consumer,
): Promise<void> {
  const hint = v.safeParse(WorkMessageSchema, body);
  if (hint.success) {
    const message: WorkMessage = hint.output;
    await service.consume(message);
    return;
  }
  if (isDead) await service.buryBucketEvent(body);
  else await service.bucketEvents(body);
}

/** @param attempts how often the message has come, from 1. */
function retryDelay(attempts: number): number {
  const at = Math.min(Math.max(attempts, 1), RETRY_SECONDS.length) - 1;
  return RETRY_SECONDS[at]!;
}
