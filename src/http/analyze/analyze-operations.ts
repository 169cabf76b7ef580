// `POST /v1/analyze`: one image, up to sixteen tasks, one envelope; and
// `POST /v1/tasks/{task}`, the same for one task that the path names.

import { EnvelopeSchema } from "../../shared/schema/analysis.ts";
import { TASKS } from "../../shared/tasks/index.ts";
import type { ErrorCode } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { JobSchema } from "../jobs/job.ts";
import type { Jobs } from "../jobs/jobs.ts";
import { PREFER } from "../jobs/prefer.ts";
import type { AppContext, Operation, Parameter } from "../operation.ts";
import { EXAMPLE_IMAGE } from "../openapi/examples.ts";
import { ServerEventSchema } from "../streaming/server-event.ts";
import { answerRequest } from "./answer-request.ts";
import type { Analyzer } from "./analyzer.ts";
import { DEADLINE, deadlineSignal } from "./deadline.ts";
import {
  readAnalyzeRequest,
  type ReceivedRequest,
} from "./read-analyze-request.ts";
import { readTaskRequest } from "./read-task-request.ts";
import { ANALYZE_BODIES, TASK_BODIES } from "./request-bodies.ts";

const SPELLINGS = TASKS.map(({ spelling }) => spelling);

/** Fields that tell the variants of a task apart, for a raw image. */
const VARIANTS = [...new Set(TASKS.map(({ variant }) => variant?.field))]
  .filter((field) => field !== undefined)
  .map((field): Parameter => ({
    name: field,
    in: "query",
    description: "Beside a raw image: which variant, as after the colon.",
    schema: {
      type: "string",
      enum: TASKS.flatMap(({ variant }) =>
        variant?.field === field ? [variant.value] : [],
      ),
    },
  }));

/** What can come of an image and of tasks, whoever asks. */
export const ANALYSIS_PROBLEMS: readonly ErrorCode[] = [
  "url_forbidden",
  "not_found",
  "expired",
  "image_too_large",
  "image_too_small",
  "image_undecodable",
  "unknown_task",
  "missing_task_input",
  "unsupported_task",
  "region_out_of_bounds",
  "url_fetch_failed",
  "quota_exceeded",
  "engine_bad_output",
  "engine_unavailable",
  "warming_up",
  "bundle_invalid",
  "deadline_exceeded",
];

const ANSWER: Operation["responses"] = {
  200: {
    description:
      "The answers; a task that failed is a problem among them. With `Accept: text/event-stream` they come as they are made: `started`, `vision_done`, `token`, `object`, `result`, `warning`, and `done` (the envelope, payloads left out) or `error` (a problem).",
    content: {
      "application/json": EnvelopeSchema,
      "text/event-stream": ServerEventSchema,
    },
  },
  202: {
    description:
      "With `Prefer`: it is answered as a job; `Location` says where to ask for it.",
    content: { "application/json": JobSchema },
  },
};

export function analyzeOperations(
  host: Host,
  analyzer: Analyzer,
  jobs: Jobs,
): readonly Operation[] {
  const answer = async (
    context: AppContext,
    read: () => Promise<ReceivedRequest>,
  ): Promise<Response> => {
    const signal = deadlineSignal(context.req.raw);
    const { image, ...asked } = await read();
    return await answerRequest(
      context,
      { host, analyzer, jobs },
      { ...asked, image },
      signal,
    );
  };
  return [
    {
      method: "POST",
      path: "/v1/analyze",
      operationId: "analyze",
      tag: "Analyze",
      summary: "Ask up to 16 tasks of one image",
      access: "analyze",
      isIdempotent: true,
      parameters: [
        {
          name: "tasks",
          in: "query",
          description:
            "Beside a raw image: what is asked, separated by commas, variants after a colon: `caption,ocr:lines`.",
        },
        DEADLINE,
        PREFER,
      ],
      body: {
        isRequired: true,
        content: ANALYZE_BODIES,
        examples: {
          "application/json": {
            image: EXAMPLE_IMAGE,
            tasks: [
              { task: "caption" },
              { task: "detect_open", labels: ["square", "dog"], id: "things" },
            ],
            options: { coordinates: "normalized" },
            metadata: { order: "A-17" },
          },
        },
      },
      responses: ANSWER,
      problems: ANALYSIS_PROBLEMS,
      handle: (context) =>
        answer(context, () => readAnalyzeRequest(context.req.raw, host.limits)),
    },
    {
      method: "POST",
      path: "/v1/tasks/{task}",
      operationId: "runTask",
      tag: "Analyze",
      summary: "Ask one task of one image",
      description:
        "As `/v1/analyze` with one task, whose fields stand beside `image`.",
      access: "analyze",
      isIdempotent: true,
      parameters: [
        {
          name: "task",
          in: "path",
          description: "A task's spelling.",
          schema: { type: "string", enum: SPELLINGS },
        },
        {
          name: "phrase",
          in: "query",
          description:
            "Beside a raw image: the phrase, where the task takes one.",
        },
        {
          name: "labels",
          in: "query",
          description:
            "Beside a raw image: the labels, separated by commas, where the task takes some.",
        },
        ...VARIANTS,
        DEADLINE,
        PREFER,
      ],
      body: {
        isRequired: true,
        content: TASK_BODIES,
        examples: { "application/json": { image: EXAMPLE_IMAGE } },
      },
      responses: ANSWER,
      problems: ANALYSIS_PROBLEMS,
      handle: (context) =>
        answer(context, () =>
          readTaskRequest(
            context.req.raw,
            context.req.param("task")!,
            host.limits,
          ),
        ),
    },
  ];
}
