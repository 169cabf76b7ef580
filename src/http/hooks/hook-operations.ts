// `POST /v1/hooks/{source}`: others tell us of pictures.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { ProblemSchema } from "../../shared/schema/problem.ts";
import type { HookSource } from "../config.ts";
import type { Host } from "../host.ts";
import type { Operation } from "../operation.ts";
import { readBody } from "../read-body.ts";
import type { Uploads } from "../uploads/uploads.ts";
import {
  acceptPictures,
  BUCKET_REFUSALS,
  requestOfTasks,
  type AcceptedPicture,
} from "./accept-pictures.ts";
import { readGenericHook } from "./generic-hook.ts";
import type { HookRequest, IncomingMessage } from "./incoming.ts";
import { readS3Hook } from "./s3-hook.ts";
import { readStandardHook } from "./standard-hook.ts";

const AcceptedSchema = v.object({
  object: v.literal("list"),
  /** One for each picture, in the message's order. */
  data: v.array(
    v.object({
      upload_id: v.nullable(v.string()),
      job_id: v.nullable(v.string()),
      /** Why this one was not taken; others were. */
      problem: v.exactOptional(ProblemSchema),
    }),
  ),
  /** What the message told of beside, and why it was left alone. */
  ignored: v.array(v.string()),
});

const READERS: Readonly<
  Record<HookSource["kind"], (request: HookRequest) => Promise<IncomingMessage>>
> = {
  standard: readStandardHook,
  s3: readS3Hook,
  "generic-hmac": readGenericHook,
};

/** @throws FlorenceError if the configuration asks a task that is not there. */
export function hookOperations(
  host: Host,
  uploads: Uploads,
): readonly Operation[] {
  const hooks = new Map(
    host.config.hooks.map((source) => [
      source.name,
      { source, request: requestOfTasks(source.tasks) },
    ]),
  );
  return [
    {
      method: "POST",
      path: "/v1/hooks/{source}",
      operationId: "receiveHook",
      tag: "Hooks",
      summary: "Tell the service of pictures, as another system's webhook",
      description:
        "Sources are configured, each of a kind. `standard`: Standard Webhooks; the body names pictures as `image_url`, `image_urls`, `image` or `images`. `generic-hmac`: `X-Hub-Signature-256` or `X-Signature` with `sha256=` and the body's HMAC; the body is a picture or names some. `s3`: S3 event notifications of the service's bucket, with `Authorization: Bearer`. A message that comes again is answered the same and does nothing.",
      access: "signed",
      parameters: [
        {
          name: "source",
          in: "path",
          description: "The source's name in the configuration.",
        },
      ],
      body: {
        isRequired: true,
        content: {
          "application/json": { type: "object" },
          "image/*": { type: "string", format: "binary" },
        },
      },
      responses: {
        202: {
          description: "Its pictures are uploads now, and jobs where tasks are configured.", // prettier-ignore
          content: { "application/json": AcceptedSchema },
        },
      },
      problems: [
        "not_found",
        "signature_invalid",
        "invalid_json",
        "invalid_request",
        "body_too_large",
        "image_too_large",
        "unsupported_media_type",
        "image_undecodable",
        "url_forbidden",
        "url_fetch_failed",
        "expired",
        "quota_exceeded",
      ],
      async handle(context) {
        const name = context.req.param("source") ?? "";
        const hook = hooks.get(name);
        if (hook === undefined) {
          throw new FlorenceError(
            "not_found",
            `There is no hook ${JSON.stringify(name.slice(0, 80))}. Hooks are named in the service's configuration.`,
          );
        }
        const { source, request } = hook;
        const { pictures, ignored } = await READERS[source.kind]({
          source,
          headers: context.req.raw.headers,
          body: await readHookBody(host, context.req.raw),
          nowMs: host.platform.now(),
          sha256: host.platform.sha256,
        });
        const { tenant, kind } = source;
        const accepted = await acceptPictures(
          host,
          uploads,
          {
            ...{ name, tenant, request },
            traceparent: context.get("traceparent"),
            ...(kind === "s3" && { refusals: BUCKET_REFUSALS }),
          },
          pictures,
        );
        const answer = {
          object: "list",
          data: accepted.map(describe),
          ignored,
        };
        return context.json(answer, 202);
      },
    },
  ];
}

function describe({ row, problem }: AcceptedPicture) {
  if (row === null) return { upload_id: null, job_id: null, problem };
  const { id, job_id: jobId } = row;
  return {
    upload_id: String(id),
    job_id: typeof jobId === "string" ? jobId : null,
  };
}

async function readHookBody({ limits }: Host, request: Request) {
  const most = Math.max(limits.maxImageBytes, limits.maxJsonBytes);
  return await readBody(
    request,
    most,
    () =>
      new FlorenceError(
        "body_too_large",
        `The body is larger than ${Math.round(most / 1e6)} MB, the limit of a hook. Send the picture's address instead.`,
      ),
  );
}
