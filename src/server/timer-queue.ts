// The work queue on Node: messages wait in memory. A process that is killed
// loses them, and loses nothing: the sweep finds what is due in the database.

import type { WorkMessage, WorkQueue } from "../http/ports/work-queue.ts";

/** A queue that its opener closes. */
export interface TimerQueue extends WorkQueue {
  /** Gives every message that comes to `consume`, so many at once. */
  start(consume: (message: WorkMessage) => Promise<void>): void;
  /** Takes no more, and waits for what is at work. */
  close(): Promise<void>;
}

/** @param atOnce messages at work at the same time. */
export function createTimerQueue(atOnce: number): TimerQueue {
  const ready: WorkMessage[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const working = new Set<Promise<void>>();
  let consume: ((message: WorkMessage) => Promise<void>) | null = null;
  let isClosed = false;

  const pump = (): void => {
    while (consume !== null && !isClosed && working.size < atOnce) {
      const message = ready.shift();
      if (message === undefined) return;
      const work = consume(message).finally(() => {
        working.delete(work);
        pump();
      });
      working.add(work);
    }
  };
  return {
    send(messages, { delaySeconds = 0 } = {}) {
      if (delaySeconds <= 0) {
        ready.push(...messages);
        pump();
        return Promise.resolve();
      }
      const timer = setTimeout(() => {
        timers.delete(timer);
        ready.push(...messages);
        pump();
      }, delaySeconds * 1000);
      timers.add(timer);
      return Promise.resolve();
    },
    start(given) {
      consume = given;
      pump();
    },
    async close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      await Promise.allSettled(working);
    },
  };
}
