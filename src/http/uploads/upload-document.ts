// An upload as callers ask for it and see it.

import * as v from "valibot";
import { IMAGE_MEDIA_TYPES } from "../../shared/image/media-type.ts";
import {
  AnalyzeOptionsSchema,
  AnalyzeRequestSchema,
} from "../../shared/schema/analysis.ts";
import type { Host } from "../host.ts";
import type { Row } from "../ports/database.ts";
import { CallbackSchema } from "../webhooks/callback.ts";
import { signAddress } from "./signed-address.ts";

const wholeFromOne = "a whole number from 1";

/** Body of `POST /v1/uploads`; all of it may be left out. */
export const NewUploadSchema = v.strictObject({
  /** What will come; something else is refused then. */
  media_type: v.exactOptional(
    v.picklist(IMAGE_MEDIA_TYPES, `one of ${IMAGE_MEDIA_TYPES.join(", ")}`),
  ),
  /** How many bytes will come; another number is refused then. */
  bytes: v.exactOptional(
    v.pipe(
      v.number(wholeFromOne),
      v.integer(wholeFromOne),
      v.minValue(1, wholeFromOne),
    ),
  ),
  /** Asked of the picture when it arrives, as a job. */
  tasks: v.exactOptional(AnalyzeRequestSchema.entries.tasks),
  options: v.exactOptional(AnalyzeOptionsSchema),
  /** Where the job's answer is sent. */
  callback: v.exactOptional(CallbackSchema),
  metadata: AnalyzeRequestSchema.entries.metadata,
});

export type NewUpload = v.InferOutput<typeof NewUploadSchema>;

/** Where the file is to be sent. */
export const PresignedSchema = v.object({
  object: v.literal("upload"),
  upload_id: v.string(),
  url: v.string(),
  method: v.literal("PUT"),
  /** To be sent with it. */
  headers: v.record(v.string(), v.string()),
  expires_at: v.string(),
});

export const UPLOAD_STATES = ["waiting", "stored", "expired"] as const;

export const UploadSchema = v.object({
  object: v.literal("upload"),
  upload_id: v.string(),
  status: v.picklist(UPLOAD_STATES),
  /** `upload`, `r2` or a hook's name. */
  source: v.string(),
  /** What its source calls it. */
  key: v.nullable(v.string()),
  media_type: v.nullable(v.string()),
  bytes: v.nullable(v.number()),
  sha256: v.nullable(v.string()),
  /** Signed for an hour; null while the file has not come. */
  image_url: v.nullable(v.string()),
  /** The job of its tasks. */
  job_id: v.nullable(v.string()),
  metadata: v.record(v.string(), v.unknown()),
  created: v.string(),
  /** When its file is deleted. */
  expires_at: v.string(),
});

export type UploadDocument = v.InferOutput<typeof UploadSchema>;

/** The document of a row of `uploads`. */
export async function uploadDocument(
  host: Host,
  row: Row,
): Promise<UploadDocument> {
  const text = (column: string): string | null => {
    const value = row[column];
    return typeof value === "string" ? value : null;
  };
  const id = String(row["id"]);
  const isExpired = Number(row["expires_ms"]) <= host.platform.now();
  const isStored = row["state"] === "stored" && !isExpired;
  return {
    object: "upload",
    upload_id: id,
    status: isExpired ? "expired" : isStored ? "stored" : "waiting",
    source: String(row["source"]),
    key: text("source_key"),
    media_type: text("media_type"),
    bytes: typeof row["bytes"] === "number" ? row["bytes"] : null,
    sha256: text("sha256"),
    image_url: isStored ? (await signAddress(host, "GET", id)).url : null,
    job_id: text("job_id"),
    // Written by us, from `NewUploadSchema`.
    metadata: JSON.parse(String(row["metadata"])) as UploadDocument["metadata"],
    created: new Date(Number(row["created_ms"])).toISOString(),
    expires_at: new Date(Number(row["expires_ms"])).toISOString(),
  };
}
