// What an analysis must know of the call it answers, at whichever door it came
// in.

import type { Host } from "../host.ts";
import type { AppContext } from "../operation.ts";
import type { AnalyzerOptions } from "./analyzer.ts";
import { deadlineOf } from "./deadline.ts";

/**
 * The call's trace and deadline, for an engine elsewhere, and where to leave
 * work that may end after its answer.
 *
 * @throws FlorenceError `invalid_request` for a `Deadline-Ms` that is none.
 */
export function callOf(
  host: Pick<Host, "keepAlive">,
  context: AppContext,
): Pick<AnalyzerOptions, "deadlineAtMs" | "traceparent" | "background"> {
  const deadlineMs = deadlineOf(context.req.raw);
  return {
    traceparent: context.get("traceparent"),
    ...(deadlineMs !== null && {
      deadlineAtMs: context.get("startedMs") + deadlineMs,
    }),
    background: (work) => {
      host.keepAlive?.(work, context);
    },
  };
}
