// What is told of an image while it is answered, kept for whoever follows its
// job: written a few times a second at most, many events in one row.

import type { AnalyzerEvents } from "../analyze/analyzer.ts";
import type { Host } from "../host.ts";
import { eventStatement, type JobEvent } from "./job-statements.ts";
import { isHeld, type LeasedItem } from "./lease.ts";

/** From an event until it is written, with those that follow. */
const PAUSE_MS = 500;

/**
 * Jobs of more images tell only that one is taken up: nobody reads along with a
 * thousand, and rows cost.
 */
export const MAX_LIVE_IMAGES = 16;

/** Events as one row holds them: `[name, data]`. */
export type LiveEntry = readonly [event: string, data: object];

export interface LiveEvents {
  readonly listeners: AnalyzerEvents;
  /**
   * Ends the telling.
   *
   * @returns what is not written yet, for the transaction of the outcome.
   */
  finish(): Promise<readonly JobEvent[]>;
}

/** Tells of one attempt, as long as its lease holds. */
export function createLiveEvents(host: Host, item: LeasedItem): LiveEvents {
  const { jobId, index, images } = item;
  let entries: LiveEntry[] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  let writing = Promise.resolve();

  const take = (): readonly JobEvent[] => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const taken = entries;
    entries = [];
    return taken.length === 0
      ? []
      : [{ event: "live", data: { index, events: taken } }];
  };
  const write = async (): Promise<void> => {
    const nowMs = host.platform.now();
    const statement = eventStatement(jobId, take(), nowMs, isHeld(item));
    try {
      await host.database.batch([statement]);
    } catch (error) {
      // The answer does not depend on what is told of it on the way.
      host.onFailure?.(error, jobId);
    }
  };
  const tell = (event: string, data: object): void => {
    entries.push([event, data]);
    timer ??= setTimeout(() => {
      writing = writing.then(write);
    }, PAUSE_MS);
  };
  return {
    listeners: {
      started: (started) => {
        tell("started", started);
      },
      ...(images <= MAX_LIVE_IMAGES && {
        // The features stay here.
        vision: ({ image }) => {
          tell("vision_done", { image });
        },
        token: (delta) => {
          tell("token", delta);
        },
        object: (found) => {
          tell("object", found);
        },
        warning: (message) => {
          tell("warning", { message });
        },
      }),
    },
    async finish() {
      const rest = take();
      await writing;
      return rest;
    },
  };
}
