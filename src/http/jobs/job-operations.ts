// `/v1/jobs`: an analysis that is answered later.

import { FlorenceError } from "../../shared/errors.ts";
import { ANALYSIS_PROBLEMS } from "../analyze/analyze-operations.ts";
import { ANALYZE_ENTRIES, bodiesOf } from "../analyze/request-bodies.ts";
import type { Host } from "../host.ts";
import type { AppContext, Operation, Parameter } from "../operation.ts";
import { acceptedResponse, beginJob, endedResponse } from "./answer-later.ts";
import { jobEventStream, lastPositionOf } from "./job-events.ts";
import { MAX_LIVE_IMAGES } from "./live-events.ts";
import { JobSchema, JobWithResultsSchema } from "./job.ts";
import { hasEnded, type Jobs } from "./jobs.ts";
import { ServerEventSchema } from "../streaming/server-event.ts";
import { PREFER, preferOf } from "./prefer.ts";
import { DEFAULT_LIMIT, MAX_LIMIT, readJob, readJobPage } from "./read-job.ts";
import { JOB_ENTRIES, readJobRequest } from "./read-job-request.ts";

const ID: Parameter = {
  name: "id",
  in: "path",
  description: "The job's id.",
};

export function jobOperations(host: Host, jobs: Jobs): readonly Operation[] {
  const shared = { tag: "Jobs", access: "jobs" } as const;
  return [
    {
      ...shared,
      method: "POST",
      path: "/v1/jobs",
      operationId: "createJob",
      summary: "Ask up to 16 tasks of one image, to be answered later",
      description:
        "Takes what `POST /v1/analyze` takes, and a `callback` that is told of the answer.",
      isIdempotent: true,
      parameters: [
        PREFER,
        {
          name: "tasks",
          in: "query",
          description:
            "Beside a raw image: the tasks, separated by commas, such as `caption,detect`.",
        },
      ],
      body: {
        isRequired: true,
        content: bodiesOf({ ...ANALYZE_ENTRIES, ...JOB_ENTRIES }),
      },
      responses: {
        202: {
          description: "The job is made; `Location` says where to ask for it.",
          content: { "application/json": JobSchema },
        },
        200: {
          description: "With `Prefer: wait`: the job has ended in time.",
          content: { "application/json": JobWithResultsSchema },
        },
      },
      problems: ANALYSIS_PROBLEMS,
      async handle(context) {
        const { image, ...asked } = await readJobRequest(context.req.raw, host);
        const job = await beginJob({ host, jobs }, context, {
          ...asked,
          images: [image],
        });
        return hasEnded(job) && preferOf(context.req.raw).waitSeconds !== null
          ? await endedResponse(host, context, job)
          : acceptedResponse(context, job);
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/jobs/{id}",
      operationId: "getJob",
      summary: "How far a job is, and the results that are there",
      parameters: [
        ID,
        {
          name: "after",
          in: "query",
          description:
            "Gives results of images after this number: `next_after` of the page before.",
          schema: { type: "integer", minimum: 0, maximum: 999_999 },
        },
        {
          name: "limit",
          in: "query",
          description: `Results of one page; ${DEFAULT_LIMIT} if left out.`,
          schema: { type: "integer", minimum: 1, maximum: MAX_LIMIT },
        },
      ],
      responses: {
        200: {
          description: "The job.",
          content: { "application/json": JobWithResultsSchema },
        },
      },
      problems: ["not_found", "expired", "invalid_request"],
      async handle(context) {
        const after = numberOf(context, "after", 0, 999_999) ?? -1;
        const limit = numberOf(context, "limit", 1, MAX_LIMIT) ?? DEFAULT_LIMIT;
        const id = context.req.param("id") ?? "";
        const principal = context.get("principal");
        return context.json(
          await readJobPage(host, id, principal, { after, limit }),
        );
      },
    },
    {
      ...shared,
      method: "DELETE",
      path: "/v1/jobs/{id}",
      operationId: "cancelJob",
      summary: "Cancel a job",
      description:
        "What is not answered will not be; results that are there stay. A job that was cancelled stays so.",
      parameters: [ID],
      responses: {
        200: {
          description: "The cancelled job.",
          content: { "application/json": JobSchema },
        },
      },
      problems: ["not_found", "expired", "job_not_cancellable"],
      async handle(context) {
        const id = context.req.param("id") ?? "";
        return context.json(await jobs.cancel(id, context.get("principal")));
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/jobs/{id}/events",
      operationId: "followJob",
      summary: "Follow a job as server-sent events",
      description: `\`started\` for each image that is taken up, \`result\` for each task that is answered, \`error\` for an image that failed, \`done\` with the job at the end; of jobs of up to ${MAX_LIVE_IMAGES} images also \`vision_done\`, \`token\`, \`object\` and \`warning\` while they are answered, as \`POST /v1/analyze\` tells of them. Another \`started\` of an image says that it was taken up anew: what was told of it before is void. The stream may be cut at any time: come back with \`Last-Event-ID\`.`,
      parameters: [
        ID,
        {
          name: "Last-Event-ID",
          in: "header",
          description:
            "Goes on after this event; from the beginning if left out.",
        },
      ],
      responses: {
        200: {
          description: "Events; `index` of their data is the image's number.",
          content: { "text/event-stream": ServerEventSchema },
        },
      },
      problems: ["not_found", "expired"],
      async handle(context) {
        const id = context.req.param("id") ?? "";
        const principal = context.get("principal");
        await readJob(host, id, principal);
        const last = lastPositionOf(context.req.raw);
        return new Response(jobEventStream(host, id, principal, last), {
          headers: {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            // nginx holds answers back unless told otherwise.
            "X-Accel-Buffering": "no",
          },
        });
      },
    },
  ];
}

/** A whole number of the query, undefined if it is left out. */
function numberOf(
  context: AppContext,
  name: string,
  from: number,
  to: number,
): number | undefined {
  const given = context.req.query(name);
  if (given === undefined) return undefined;
  const value = /^\d{1,9}$/u.test(given) ? Number(given) : Number.NaN;
  if (value >= from && value <= to) return value;
  const detail = `a whole number from ${from} to ${to}`;
  throw new FlorenceError(
    "invalid_request",
    `The query's ${name} is "${given.slice(0, 40)}"; it takes ${detail}.`,
    { errors: [{ pointer: `/${name}`, detail }] },
  );
}
