// Uploads over HTTP: announced with a key, sent to a signed address.

import { FlorenceError } from "../../shared/errors.ts";
import { IMAGE_MEDIA_TYPES } from "../../shared/image/media-type.ts";
import {
  parseAnalyzeRequest,
  type AnalyzeRequest,
} from "../../shared/schema/analysis.ts";
import { refuseAbsentEngine } from "../analyze/check-options.ts";
import { imageTooLarge } from "../analyze/read-image.ts";
import type { Host } from "../host.ts";
import { checkCallback } from "../jobs/create-job.ts";
import type { AppContext, Operation, Parameter } from "../operation.ts";
import type { Row } from "../ports/database.ts";
import { readBody } from "../read-body.ts";
import { readJsonBody } from "../read-json-body.ts";
import { readUpload } from "./read-upload.ts";
import { checkSignedAddress, signAddress } from "./signed-address.ts";
import {
  NewUploadSchema,
  PresignedSchema,
  uploadDocument,
  UploadSchema,
  type NewUpload,
} from "./upload-document.ts";
import { readUploadRow, type Uploads } from "./uploads.ts";

const ID: Parameter = {
  name: "id",
  in: "path",
  description: "The upload's id.",
};

const SIGNED_PARAMETERS: readonly Parameter[] = [
  ID,
  {
    name: "expires",
    in: "query",
    description: "Of the signed address: until when it is good.",
    isRequired: true,
  },
  {
    name: "signature",
    in: "query",
    description: "Of the signed address.",
    isRequired: true,
  },
];

const BINARY = { type: "string", format: "binary" };

const FILE = Object.fromEntries(
  IMAGE_MEDIA_TYPES.map((type) => [type, BINARY]),
);

export function uploadOperations(
  host: Host,
  uploads: Uploads,
): readonly Operation[] {
  const shared = { tag: "Uploads" } as const;
  return [
    {
      ...shared,
      method: "POST",
      path: "/v1/uploads",
      operationId: "createUpload",
      summary: "Get an address to send a picture to",
      description:
        "PUT the file to `url` within the hour, with `headers` and no key. Then `image.upload_id` names it in every request, until it expires. With `tasks` a job begins when it arrives.",
      access: "uploads",
      isIdempotent: true,
      body: { content: { "application/json": NewUploadSchema } },
      responses: {
        201: {
          description: "Where to send it.",
          content: { "application/json": PresignedSchema },
        },
      },
      problems: [
        "invalid_request",
        "image_too_large",
        "unknown_task",
        "unsupported_task",
        "missing_task_input",
        "region_out_of_bounds",
        "url_forbidden",
        "not_found",
        "engine_unavailable",
      ],
      async handle(context) {
        const asked = await readJsonBody(context.req.raw, NewUploadSchema, {
          maxBytes: host.limits.maxJsonBytes,
          isOptional: true,
        });
        return context.json(await announce(host, uploads, asked, context), 201);
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/uploads/{id}",
      operationId: "readUpload",
      summary: "See whether a picture has come, and what it is",
      access: "uploads",
      parameters: [ID],
      responses: {
        200: {
          description: "The upload; expired ones say so for as long again.",
          content: { "application/json": UploadSchema },
        },
      },
      problems: ["not_found"],
      async handle(context) {
        const row = await rowOfPath(host, context);
        if (row["tenant"] !== context.get("principal").tenant) {
          throw uploadNotFound(context);
        }
        return context.json(await uploadDocument(host, row));
      },
    },
    {
      ...shared,
      method: "PUT",
      path: "/v1/uploads/{id}/content",
      operationId: "putUpload",
      summary: "Send a picture to its signed address",
      description:
        "The signature is the permission. The same file again changes nothing; another one is refused.",
      access: "signed",
      parameters: SIGNED_PARAMETERS,
      body: { isRequired: true, content: FILE },
      responses: {
        200: {
          description: "It is kept.",
          content: { "application/json": UploadSchema },
        },
      },
      problems: [
        "signature_invalid",
        "not_found",
        "expired",
        "image_too_large",
        "unsupported_media_type",
        "image_undecodable",
        "invalid_request",
        "quota_exceeded",
      ],
      async handle(context) {
        await checkSigned(host, "PUT", context);
        const row = await rowOfPath(host, context);
        if (Number(row["expires_ms"]) <= host.platform.now()) {
          throw new FlorenceError(
            "expired",
            "The upload is kept no longer. Make another with POST /v1/uploads.",
          );
        }
        const bytes = await readFile(host, context.req.raw, row);
        // A plain PUT goes on with the trace of the upload's announcement.
        const isTraced = context.req.header("traceparent") !== undefined;
        const arrived = await uploads.arrive(
          row,
          bytes,
          isTraced ? context.get("traceparent") : undefined,
        );
        return context.json(await uploadDocument(host, arrived));
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/uploads/{id}/content",
      operationId: "getUpload",
      summary: "Read a picture from its signed address",
      access: "signed",
      parameters: SIGNED_PARAMETERS,
      responses: { 200: { description: "The file.", content: FILE } },
      problems: ["signature_invalid", "not_found", "expired"],
      async handle(context) {
        await checkSigned(host, "GET", context);
        const {
          id,
          tenant,
          media_type: mediaType,
        } = await rowOfPath(host, context);
        const bytes = await readUpload(host, String(id), String(tenant));
        return context.body(new Uint8Array(bytes), 200, {
          "Content-Type": String(mediaType),
          "Cache-Control": "private, max-age=300",
          "X-Content-Type-Options": "nosniff",
        });
      },
    },
  ];
}

async function announce(
  host: Host,
  uploads: Uploads,
  asked: NewUpload,
  context: AppContext,
) {
  const { media_type: mediaType, bytes, callback, metadata } = asked;
  if (bytes !== undefined && bytes > host.limits.maxImageBytes) {
    throw imageTooLarge(bytes, host.limits);
  }
  const principal = context.get("principal");
  const request = requestOf(host, asked);
  if (callback !== undefined) await checkCallback(host, principal, callback);
  const row = await uploads.open({
    principal,
    source: "upload",
    mediaType,
    bytes,
    request,
    callback,
    metadata,
    traceparent: context.get("traceparent"),
  });
  const uploadId = String(row["id"]);
  const { url, expiresMs } = await signAddress(host, "PUT", uploadId);
  return {
    object: "upload",
    upload_id: uploadId,
    url,
    method: "PUT",
    headers: mediaType === undefined ? {} : { "Content-Type": mediaType },
    expires_at: new Date(expiresMs).toISOString(),
  };
}

/** What is to be asked on arrival; without tasks, nothing may depend on them. */
function requestOf(host: Host, asked: NewUpload): AnalyzeRequest | null {
  const { tasks, options, metadata } = asked;
  if (tasks !== undefined) {
    const request = parseAnalyzeRequest({ tasks, options, metadata });
    refuseAbsentEngine(request.options, host.engines);
    return request;
  }
  const errors = (["options", "callback"] as const)
    .filter((field) => asked[field] !== undefined)
    .map((field) => ({
      pointer: `/${field}`,
      detail: "only together with tasks",
    }));
  if (errors.length === 0) return null;
  throw new FlorenceError(
    "invalid_request",
    `${errors[0]!.pointer.slice(1)} says how tasks are run, and there are none. Give tasks, or leave it out.`,
    { errors },
  );
}

async function checkSigned(
  host: Host,
  method: "GET" | "PUT",
  context: AppContext,
): Promise<void> {
  const expires = context.req.query("expires");
  const signature = context.req.query("signature");
  await checkSignedAddress(host, method, context.req.param("id") ?? "", {
    ...(expires !== undefined && { expires }),
    ...(signature !== undefined && { signature }),
  });
}

async function rowOfPath(host: Host, context: AppContext): Promise<Row> {
  const row = await readUploadRow(host, context.req.param("id"));
  if (row === undefined) throw uploadNotFound(context);
  return row;
}

/** Reads no more than was announced, or than may be. */
async function readFile(
  { limits }: Host,
  request: Request,
  { bytes: announced }: Row,
): Promise<Uint8Array> {
  const encoding = request.headers.get("Content-Encoding") ?? "identity";
  if (encoding !== "identity") {
    throw new FlorenceError(
      "unsupported_media_type",
      `The body is compressed (${encoding.slice(0, 40)}); images are compressed already. Send it as it is.`,
    );
  }
  const most = typeof announced === "number" ? announced : limits.maxImageBytes;
  return await readBody(request, most, (stated) =>
    typeof announced === "number" && announced < limits.maxImageBytes
      ? new FlorenceError(
          "invalid_request",
          `The upload was announced with ${announced} bytes, but more came. Send what was announced, or make another upload.`,
        )
      : imageTooLarge(stated, limits),
  );
}

function uploadNotFound(context: AppContext): FlorenceError {
  const id = (context.req.param("id") ?? "").slice(0, 80);
  return new FlorenceError(
    "not_found",
    `There is no upload ${JSON.stringify(id)}. Make one with POST /v1/uploads.`,
  );
}
