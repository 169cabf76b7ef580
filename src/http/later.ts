// What the service does later: each part brings a consumer for its messages
// and a sweep of its tables; this calls them, and no failure of one hinders
// another.

import type { Host } from "./host.ts";
import type { WorkMessage } from "./ports/work-queue.ts";

/** What a part of the service does outside of requests. */
export interface LaterPart {
  /** Kind of its messages; left out where it has none. */
  readonly kind?: WorkMessage["kind"];
  /** Does what a message of its kind hints at, if that is still due. */
  readonly consume?: (message: WorkMessage) => Promise<void>;
  /**
   * Hints again at what has waited too long, and deletes what has expired.
   * Several may run at once, on several hosts.
   */
  readonly sweep: () => Promise<void>;
}

export interface Later {
  /** Never rejects: what fails is told to the host, and is found by the sweep. */
  consume(message: WorkMessage): Promise<void>;
  /** Never rejects, as above. */
  sweep(): Promise<void>;
}

export function createLater(
  { onFailure, platform }: Pick<Host, "onFailure" | "platform">,
  parts: readonly LaterPart[],
): Later {
  const attempt = async (
    what: string,
    work: () => Promise<void>,
  ): Promise<void> => {
    try {
      await work();
    } catch (error) {
      onFailure?.(error, platform.id(what));
    }
  };
  return {
    async consume(message) {
      const part = parts.find(({ kind }) => kind === message.kind);
      await attempt("msg", async () => {
        if (part?.consume === undefined) {
          throw new Error(`internal: nothing consumes ${message.kind}`);
        }
        await part.consume(message);
      });
    },
    async sweep() {
      for (const part of parts) await attempt("sweep", () => part.sweep());
    },
  };
}
