// A queue at its worst: every message comes twice, and none in its order.

import type {
  WorkMessage,
  WorkQueue,
} from "../../src/http/ports/work-queue.ts";

/** Around a host's queue; for tests only. */
export function twistedQueue(queue: WorkQueue): WorkQueue {
  return {
    async send(messages, { delaySeconds = 0 } = {}) {
      await queue.send(shuffled(messages), { delaySeconds });
      await queue.send(shuffled(messages), { delaySeconds: delaySeconds + 1 });
    },
  };
}

function shuffled(messages: readonly WorkMessage[]): readonly WorkMessage[] {
  return messages
    .map((message) => ({ message, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ message }) => message);
}
