// Uploads: rows that wait for a picture, and what happens when it arrives: it
// is kept, receivers are told, and its tasks become a job.

import { FlorenceError } from "../../shared/errors.ts";
import { sniffImage } from "../../shared/image/sniff-image.ts";
import type { AnalyzeRequest } from "../../shared/schema/analysis.ts";
import { taskOf } from "../../shared/tasks/index.ts";
import type { Host } from "../host.ts";
import type { Jobs } from "../jobs/jobs.ts";
import type { LaterPart } from "../later.ts";
import { sql, type Row, type SqlValue } from "../ports/database.ts";
import type { Principal } from "../principal.ts";
import type { Callback } from "../webhooks/callback.ts";
import { hintEvents } from "../webhooks/deliveries.ts";
import {
  deliveryStatements,
  type WebhookEvent,
} from "../webhooks/event-statements.ts";
import { sweepUploads } from "./sweep-uploads.ts";

/** What an upload is made of. */
export interface NewRow {
  readonly principal: Principal;
  /** `upload`, `r2` or a hook's name. */
  readonly source: string;
  /** Within the source; given twice, the upload is made once. */
  readonly dedupeKey?: string;
  /** What its source calls it. */
  readonly key?: string | null;
  /** Where the bucket has it; the store keeps no second copy. */
  readonly bucketKey?: string;
  readonly mediaType?: string | undefined;
  readonly bytes?: number | undefined;
  /** What to ask when it arrives; null for nothing. */
  readonly request: AnalyzeRequest | null;
  readonly callback?: Callback | undefined;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** W3C Trace Context of whoever announces it. */
  readonly traceparent?: string | undefined;
}

export interface Uploads extends LaterPart {
  /** Makes a row that waits, or finds the one of the same `dedupeKey`. */
  open(upload: NewRow): Promise<Row>;

  /**
   * Takes the picture of a row. The same bytes again change nothing.
   *
   * @param traceparent of whoever brings it; of whoever announced it if left
   *   out. Its event and its job carry it on.
   * @returns the row as it is now.
   * @throws FlorenceError `unsupported_media_type`, `image_undecodable`;
   *   `invalid_request` for anything but what was announced, or other bytes
   *   than came before; `quota_exceeded` of its job.
   */
  arrive(row: Row, bytes: Uint8Array, traceparent?: string): Promise<Row>;
}

export function createUploads(host: Host, jobs: Jobs): Uploads {
  const start = (row: Row): Promise<Row> => startJob(host, jobs, row);
  return {
    open: (upload) => openRow(host, upload),
    async arrive(announced, bytes, traceparent) {
      const row =
        traceparent === undefined ? announced : { ...announced, traceparent };
      const { mediaType } = sniffImage(bytes);
      const sha256 = await host.platform.sha256(bytes);
      refuseOtherBytes(row, sha256);
      const stored =
        row["state"] === "stored"
          ? row
          : await store(host, row, { bytes, mediaType, sha256 });
      refuseOtherBytes(stored, sha256);
      return await start(stored);
    },
    sweep: () => sweepUploads(host, start),
  };
}

async function openRow(host: Host, upload: NewRow): Promise<Row> {
  const { database, platform, config } = host;
  const { principal, source } = upload;
  const id = platform.id("up");
  const dedupeKey =
    upload.dedupeKey === undefined
      ? null
      : `${principal.tenant}:${source}:${upload.dedupeKey}`;
  const now = platform.now();
  const keepMs = config.keep_seconds * 1000;
  await database.batch([
    sql`INSERT INTO uploads (id, tenant, principal, source, dedupe_key, state,
        source_key, bucket_key, media_type, bytes, request, callback, metadata,
        traceparent, created_ms, expires_ms, deleted_ms)
      VALUES (${id}, ${principal.tenant}, ${principal.id}, ${source}, ${dedupeKey},
        'waiting', ${upload.key ?? null}, ${upload.bucketKey ?? null},
        ${upload.mediaType ?? null}, ${upload.bytes ?? null},
        ${jsonOrNull(upload.request)}, ${jsonOrNull(upload.callback ?? null)},
        ${JSON.stringify(upload.metadata ?? {})}, ${upload.traceparent ?? null},
        ${now}, ${now + keepMs}, ${now + 2 * keepMs})
      ON CONFLICT (dedupe_key) DO NOTHING`,
  ]);
  const [row] = await database.all(
    dedupeKey === null
      ? sql`SELECT * FROM uploads WHERE id = ${id}`
      : sql`SELECT * FROM uploads WHERE dedupe_key = ${dedupeKey}`,
  );
  if (row === undefined) throw new Error(`internal: upload ${id} is not there`);
  return row;
}

/** The row of an upload; undefined if there is none. */
export async function readUploadRow(
  { database }: Pick<Host, "database">,
  id: SqlValue | undefined,
): Promise<Row | undefined> {
  const [row] = await database.all(
    sql`SELECT * FROM uploads WHERE id = ${id ?? null}`,
  );
  return row;
}

interface Picture {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly sha256: string;
}

/** Keeps the file, marks the row and writes the event, once. */
async function store(
  host: Host,
  row: Row,
  { bytes, mediaType, sha256 }: Picture,
): Promise<Row> {
  refuseUnannounced(row, mediaType, bytes.length);
  const { database, platform, config } = host;
  const id = String(row["id"]);
  const now = platform.now();
  const keepMs = config.keep_seconds * 1000;
  const blobKey =
    row["bucket_key"] === null
      ? await putFile(host, row, sha256, bytes, now + keepMs)
      : null;
  const event = uploadedEvent(row, {
    mediaType,
    sha256,
    length: bytes.length,
  });
  const isWaiting = sql`EXISTS (SELECT 1 FROM uploads WHERE id = ${id} AND state = 'waiting')`;
  await database.batch([
    ...deliveryStatements(event, now, isWaiting),
    sql`UPDATE uploads SET state = 'stored', blob_key = ${blobKey},
        media_type = ${mediaType}, bytes = ${bytes.length}, sha256 = ${sha256},
        traceparent = ${row["traceparent"] ?? null},
        expires_ms = ${now + keepMs}, deleted_ms = ${now + 2 * keepMs}
      WHERE id = ${id} AND state = 'waiting'`,
  ]);
  await hintEvents(host, [event.key]);
  return (await readUploadRow(host, id)) ?? row;
}

/** Two senders at once have a file each; the row names one of them. */
async function putFile(
  { database, store: files }: Host,
  { id, tenant }: Row,
  sha256: string,
  bytes: Uint8Array,
  expiresMs: number,
): Promise<string> {
  const key = `uploads/${String(tenant)}/${String(id)}/${sha256}`;
  await database.batch([
    sql`INSERT INTO upload_blobs (blob_key, upload_id, expires_ms)
      VALUES (${key}, ${id ?? null}, ${expiresMs})
      ON CONFLICT (blob_key) DO UPDATE SET expires_ms = ${expiresMs}`,
  ]);
  await files.put(key, bytes, "application/octet-stream");
  return key;
}

function uploadedEvent(
  row: Row,
  picture: {
    readonly mediaType: string;
    readonly sha256: string;
    readonly length: number;
  },
): WebhookEvent {
  const id = String(row["id"]);
  const source = String(row["source"]);
  return {
    type: "image.uploaded",
    tenant: String(row["tenant"]),
    key: `${id}:image.uploaded`,
    source,
    traceparent: traceOf(row) ?? null,
    tasks: (requestOf(row)?.tasks ?? []).map((task) => taskOf(task).spelling),
    data: {
      upload_id: id,
      source,
      key: row["source_key"] ?? null,
      media_type: picture.mediaType,
      bytes: picture.length,
      sha256: picture.sha256,
      // `image_url` joins them when it is sent: an address is good for an hour.
    },
  };
}

/** Makes the job of a row's tasks, if it has any and there is none yet. */
async function startJob(host: Host, jobs: Jobs, row: Row): Promise<Row> {
  const request = requestOf(row);
  if (request === null || typeof row["job_id"] === "string") return row;
  const id = String(row["id"]);
  const job = await jobs.create({
    principal: {
      tenant: String(row["tenant"]),
      id: String(row["principal"]),
      scopes: ["jobs"],
    },
    images: [{ kind: "upload", uploadId: id }],
    request,
    callback:
      typeof row["callback"] === "string"
        ? (JSON.parse(row["callback"]) as Callback)
        : undefined,
    source: String(row["source"]),
    dedupeKey: `upload:${id}`,
    traceparent: traceOf(row),
  });
  await host.database.batch([
    sql`UPDATE uploads SET job_id = ${job.id} WHERE id = ${id}`,
  ]);
  return { ...row, job_id: job.id };
}

function traceOf({ traceparent }: Row): string | undefined {
  return typeof traceparent === "string" ? traceparent : undefined;
}

/** What was parsed when the row was made. */
function requestOf({ request }: Row): AnalyzeRequest | null {
  return typeof request === "string"
    ? (JSON.parse(request) as AnalyzeRequest)
    : null;
}

function refuseOtherBytes({ state, sha256, id }: Row, came: string): void {
  if (state !== "stored" || sha256 === came) return;
  throw new FlorenceError(
    "invalid_request",
    `Upload ${String(id)} has its picture already, and these are other bytes. Make another upload with POST /v1/uploads.`,
  );
}

function refuseUnannounced(row: Row, mediaType: string, length: number): void {
  const { media_type: announced, bytes } = row;
  if (announced !== null && announced !== mediaType) {
    throw new FlorenceError(
      "invalid_request",
      `The upload was announced as ${String(announced)}, but the bytes are ${mediaType}. Send what was announced, or make another upload.`,
    );
  }
  if (bytes !== null && bytes !== length) {
    throw new FlorenceError(
      "invalid_request",
      `The upload was announced with ${String(bytes)} bytes, but ${length} came. Send the whole file, or make another upload.`,
    );
  }
}

function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}
