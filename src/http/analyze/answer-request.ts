// One request answered: as an envelope, as events while it is made, or later, as
// a job.

import type { Host } from "../host.ts";
import { answerAsPreferred } from "../jobs/answer-later.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { AppContext } from "../operation.ts";
import { streamAnalysis } from "../streaming/analysis-stream.ts";
import { wantsStream } from "../streaming/wants-stream.ts";
import type { Analyzer, AnalyzerRequest } from "./analyzer.ts";
import { callOf } from "./call-of.ts";
import { refuseAbsentEngine } from "./check-options.ts";

/** What a door to the analyzer needs. */
export interface AnalysisDoor {
  readonly host: Host;
  readonly analyzer: Analyzer;
  /** For requests that prefer a later answer. */
  readonly jobs: Jobs;
}

/**
 * Answers `request` in the form its client would rather have.
 *
 * @param signal of its deadline and of its client.
 */
export async function answerRequest(
  context: AppContext,
  { host, analyzer, jobs }: AnalysisDoor,
  request: AnalyzerRequest,
  signal: AbortSignal,
): Promise<Response> {
  refuseAbsentEngine(request.options, host.engines);
  const principal = context.get("principal");
  if (wantsStream(context.req.raw)) {
    const requestId = context.get("requestId");
    const gone = new AbortController();
    const both = AbortSignal.any([signal, gone.signal]);
    return await streamAnalysis(
      (events) => {
        const work = analyzer.analyze(request, principal, {
          ...callOf(host, context),
          signal: both,
          events,
        });
        host.keepAlive?.(work, context);
        return work;
      },
      {
        instance: context.req.path,
        requestId,
        onGone: () => {
          gone.abort();
        },
        onError: (error) => host.onFailure?.(error, requestId),
      },
    );
  }
  const preferred = await answerAsPreferred({ host, jobs }, context, request);
  if (preferred !== null) return preferred;
  const work = analyzer.analyze(request, principal, {
    ...callOf(host, context),
    signal,
  });
  host.keepAlive?.(work, context);
  const envelope = await work;
  context.header("Server-Timing", serverTiming(envelope.timings_ms));
  return context.json(envelope);
}

/** `timings_ms` as a `Server-Timing` header (W3C Server Timing, section 3). */
function serverTiming(timings: Readonly<Record<string, number>>): string {
  return Object.entries(timings)
    .map(([part, ms]) => `${part};dur=${ms}`)
    .join(", ");
}
