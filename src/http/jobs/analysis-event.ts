// What receivers are told of one image of a job.

import type { AnalyzeRequest, Envelope } from "../../shared/schema/analysis.ts";
import type { Problem } from "../../shared/schema/problem.ts";
import { taskOf } from "../../shared/tasks/index.ts";
import type { Host } from "../host.ts";
import type { Callback } from "../webhooks/callback.ts";
import type { OwnEvent, SharedEvent } from "../webhooks/event-statements.ts";
import { summarize } from "./summarize.ts";

/** Of a job, what its events bear. */
export interface EventJob {
  readonly jobId: string;
  readonly tenant: string;
  readonly principalId: string;
  readonly request: Pick<AnalyzeRequest, "tasks">;
  readonly callback: Callback | null;
  readonly source: string;
  /** W3C Trace Context of whoever made the job; null where nobody asked. */
  readonly traceparent: string | null;
}

/** What became of an image. */
export type ImageAnswer =
  { readonly analysis: Envelope } | { readonly problem: Problem };

/** What the events of a job have in common, those that failed or the others. */
export function sharedEvent(
  job: EventJob,
  type: "analysis.completed" | "analysis.failed",
): SharedEvent {
  const { tenant, source, traceparent, request, callback, principalId } = job;
  return {
    ...{ type, tenant, source, traceparent },
    tasks: request.tasks.map((task) => taskOf(task).spelling),
    callback:
      callback === null ? null : { principal: principalId, to: callback },
  };
}

/** What the event of one image has of its own. */
export function ownEvent(
  { config }: Pick<Host, "config">,
  jobId: string,
  index: number,
  answer: ImageAnswer,
): OwnEvent {
  const analysis = "analysis" in answer ? answer.analysis : null;
  return {
    key: `${jobId}:${index}:${eventType(answer)}`,
    data: {
      job_id: jobId,
      index,
      analysis_id: analysis?.id ?? null,
      status: analysis?.status ?? "failed",
      url: `${config.public_url}/v1/jobs/${jobId}`,
      summary:
        "analysis" in answer
          ? summarize(answer.analysis)
          : answer.problem.detail,
    },
    full: answer,
  };
}

/** Which event an answer is. */
export function eventType(
  answer: ImageAnswer,
): "analysis.completed" | "analysis.failed" {
  return "analysis" in answer ? "analysis.completed" : "analysis.failed";
}
