// Watches requests and analyses, brings the two together by their trace, and
// tells the host.

import type { Context, MiddlewareHandler } from "hono";
import { isFlorenceError, type ErrorCode } from "../../shared/errors.ts";
import type { Envelope } from "../../shared/schema/analysis.ts";
import { taskOf } from "../../shared/tasks/index.ts";
import type { Analyzer, AnalyzerRequest } from "../analyze/analyzer.ts";
import type { Host } from "../host.ts";
import type { AppEnv } from "../operation.ts";
import type { Principal } from "../principal.ts";
import type { AnalysisRecord } from "./telemetry.ts";
import { traceOf, type Trace } from "./trace-context.ts";

export interface Observer {
  /**
   * Goes around every request: sets `traceparent` in its context and answers
   * with it.
   */
  readonly middleware: MiddlewareHandler<AppEnv>;
  /** The same analyzer, watched. */
  watch(analyzer: Analyzer): Analyzer;
}

/** What is known so far of a request at work. */
interface Notes {
  readonly analyses: AnalysisRecord[];
  /** Analyses at work: those of a stream go on after its answer has begun. */
  pending: number;
  /** Set once the answer has begun. */
  tell: (() => void) | null;
}

export function createObserver({
  telemetry = {},
  platform,
}: Pick<Host, "telemetry" | "platform">): Observer {
  const notes = new Map<string, Notes>();

  return {
    async middleware(context, next) {
      const trace = traceOf(context.req.header("traceparent"));
      const { traceparent } = trace;
      const own: Notes = { analyses: [], pending: 0, tell: null };
      context.set("traceparent", traceparent);
      notes.set(traceparent, own);
      await next();
      context.header("traceparent", traceparent);
      own.tell = () => {
        notes.delete(traceparent);
        telemetry.request?.(requestRecord(context, trace, own, platform.now()));
      };
      if (own.pending === 0) own.tell();
    },
    watch: (analyzer) => ({
      async analyze(request, principal, options) {
        const { traceparent, events } = options;
        const own = notes.get(traceparent ?? "");
        const startedMs = platform.now();
        let image: AnalysisRecord["image"] = null;
        let outcome: Outcome = { code: "internal" };
        if (own !== undefined) own.pending += 1;
        try {
          const envelope = await analyzer.analyze(request, principal, {
            ...options,
            events: {
              ...events,
              started: (started) => {
                const { width, height, media_type } = started.image;
                image = { width, height, mediaType: media_type };
                events?.started?.(started);
              },
            },
          });
          outcome = { envelope };
          return envelope;
        } catch (error) {
          if (isFlorenceError(error)) outcome = { code: error.code };
          throw error;
        } finally {
          const record = analysisRecord(request, principal, outcome, {
            traceId: traceparent?.split("-")[1] ?? null,
            isOfRequest: own !== undefined,
            image,
            ms: platform.now() - startedMs,
          });
          telemetry.analysis?.(record);
          if (own !== undefined) {
            own.analyses.push(record);
            own.pending -= 1;
            if (own.pending === 0) own.tell?.();
          }
        }
      },
    }),
  };
}

type Outcome = { readonly envelope: Envelope } | { readonly code: ErrorCode };

function requestRecord(
  context: Context<AppEnv>,
  trace: Trace,
  { analyses }: Notes,
  nowMs: number,
) {
  const { traceId, spanId, parentId } = trace;
  // Absent, against its type, where nobody was asked.
  const principal = context.get("principal") as Principal | undefined;
  return {
    requestId: context.get("requestId"),
    traceId,
    spanId,
    parentId,
    method: context.req.method,
    route: context.get("route") ?? null,
    status: context.res.status,
    code: context.get("problemCode") ?? null,
    ms: nowMs - context.get("startedMs"),
    tenant: principal?.tenant ?? null,
    principalId: principal?.id ?? null,
    analyses,
  };
}

function analysisRecord(
  { image, tasks }: AnalyzerRequest,
  { tenant }: Principal,
  outcome: Outcome,
  known: Pick<AnalysisRecord, "traceId" | "isOfRequest" | "image" | "ms">,
): AnalysisRecord {
  const envelope = "envelope" in outcome ? outcome.envelope : null;
  const { usage } = envelope ?? {};
  return {
    ...known,
    tenant,
    tasks: tasks.map((task) => taskOf(task).spelling),
    imageBytes: image.kind === "bytes" ? image.bytes.length : null,
    outcome: envelope?.status ?? "failed",
    code: "code" in outcome ? outcome.code : null,
    engine: envelope?.engine.used ?? null,
    model: envelope?.model.id ?? null,
    timings: envelope?.timings_ms ?? {},
    visionPasses: usage?.vision_passes ?? 0,
    promptTokens: usage?.prompt_tokens ?? 0,
    outputTokens: usage?.output_tokens ?? 0,
  };
}
