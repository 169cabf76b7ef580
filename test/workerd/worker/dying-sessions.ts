// ONNX Runtime that dies once: after some runs every session of its first
// generation fails as a trapped runtime does.

import { FlorenceError } from "../../../src/shared/errors.ts";
import type { Session } from "../../../src/shared/model/session.ts";
import type { WebSessions } from "../../../workers/onnxruntime/onnxruntime-session.ts";

export interface DyingSessions {
  readonly sessions: WebSessions;
  /** Graphs opened, and disposed, so far. */
  count(): { readonly opened: number; readonly disposed: number };
}

/** @param runs how many are left to the first generation. */
export function dyingSessions(
  sessions: WebSessions,
  runs: number,
): DyingSessions {
  let left = runs;
  let opened = 0;
  let disposed = 0;
  let isDead = false;
  return {
    count: () => ({ opened, disposed }),
    sessions: {
      ...sessions,
      async open(files) {
        const session = await sessions.open(files);
        const isFirst = !isDead;
        opened += 1;
        return {
          ...session,
          run: async (...args: Parameters<Session["run"]>) => {
            left -= 1;
            if (isFirst && left < 0) {
              isDead = true;
              throw new FlorenceError("engine_unavailable", "It trapped.");
            }
            return await session.run(...args);
          },
          dispose: async () => {
            disposed += 1;
            await session.dispose();
          },
        };
      },
    },
  };
}
