// Makes uploads of pictures that hooks and buckets tell of.

import {
  FlorenceError,
  isFlorenceError,
  type ErrorCode,
} from "../../shared/errors.ts";
import {
  parseAnalyzeRequest,
  type AnalyzeRequest,
} from "../../shared/schema/analysis.ts";
import { toProblem, type Problem } from "../../shared/schema/problem.ts";
import { imageTooLarge } from "../analyze/read-image.ts";
import type { Host } from "../host.ts";
import { fetchUntrusted } from "../outbound/fetch-untrusted.ts";
import type { Row } from "../ports/database.ts";
import type { Principal } from "../principal.ts";
import type { Uploads } from "../uploads/uploads.ts";
import type { IncomingPicture, IncomingPlace } from "./incoming.ts";

const FETCH_TIMEOUT_MS = 30_000;

/** Who sends pictures, and what is asked of them. */
export interface PictureSource {
  readonly name: string;
  readonly tenant: string;
  readonly request: AnalyzeRequest | null;
  /** W3C Trace Context of the message. */
  readonly traceparent: string;
  /**
   * Codes that refuse the whole message if all of its pictures failed, so that
   * it is sent again; all codes if left out. A bucket holds other files, too,
   * and no repetition makes a picture of them.
   */
  readonly refusals?: readonly ErrorCode[];
}

/** Of a bucket's events: next month there may be images left. */
export const BUCKET_REFUSALS: readonly ErrorCode[] = ["quota_exceeded"];

/** What became of one picture. */
export type AcceptedPicture =
  | { readonly row: Row; readonly problem: null }
  | { readonly row: null; readonly problem: Problem };

/**
 * The request of a source's tasks, from the configuration; null for none.
 *
 * @throws FlorenceError `invalid_request` and others of a faulty task.
 */
export function requestOfTasks(
  tasks: readonly unknown[],
): AnalyzeRequest | null {
  return tasks.length === 0 ? null : parseAnalyzeRequest({ tasks });
}

/**
 * Takes the pictures of one message. One that fails does not hinder the others.
 *
 * @throws FlorenceError the first one's if all of them failed and it is among
 *   the refusals: the sender may send the message again, and no picture is taken
 *   twice.
 */
export async function acceptPictures(
  host: Host,
  uploads: Uploads,
  source: PictureSource,
  pictures: readonly IncomingPicture[],
): Promise<readonly AcceptedPicture[]> {
  const accepted: AcceptedPicture[] = [];
  let first = null as FlorenceError | null;
  for (const picture of pictures) {
    try {
      const row = await acceptPicture(host, uploads, source, picture);
      accepted.push({ row, problem: null });
    } catch (error) {
      if (!isFlorenceError(error)) throw error;
      first ??= error;
      accepted.push({ row: null, problem: toProblem(error) });
    }
  }
  const isAnyTaken = accepted.some(({ row }) => row !== null);
  if (first === null || isAnyTaken) return accepted;
  if (source.refusals?.includes(first.code) ?? true) throw first;
  return accepted;
}

async function acceptPicture(
  host: Host,
  uploads: Uploads,
  { name, tenant, request, traceparent }: PictureSource,
  { dedupeKey, place, key }: IncomingPicture,
): Promise<Row> {
  const principal: Principal = { tenant, id: `hook:${name}`, scopes: ["jobs"] };
  // Long names and addresses make no long key.
  const digest = await host.platform.sha256(
    new TextEncoder().encode(dedupeKey),
  );
  const row = await uploads.open({
    principal,
    source: name,
    dedupeKey: digest,
    key,
    ...(place.kind === "bucket" && { bucketKey: place.key }),
    request,
    traceparent,
  });
  // It came before, and is whole: nothing has to be fetched again.
  if (
    row["state"] !== "waiting" &&
    (request === null || row["job_id"] !== null)
  ) {
    return row;
  }
  return await uploads.arrive(row, await bytesOf(host, place));
}

async function bytesOf(host: Host, place: IncomingPlace): Promise<Uint8Array> {
  const { limits, bucket } = host;
  const { maxImageBytes } = limits;
  switch (place.kind) {
    case "bytes":
      return withinLimit(host, place.bytes);
    case "bucket": {
      const blob = await bucket.get(place.key);
      if (blob !== null) return withinLimit(host, blob.bytes);
      throw new FlorenceError(
        "not_found",
        `There is nothing under ${JSON.stringify(place.key.slice(0, 200))} in the bucket. The service must be bound to the bucket whose events it gets.`,
      );
    }
    case "url": {
      const { url, pointer } = place;
      const { status, bytes } = await fetchUntrusted(host, url, {
        timeoutMs: FETCH_TIMEOUT_MS,
        maxBytes: maxImageBytes,
        tooLarge: (stated) => imageTooLarge(stated, limits),
        pointer,
      });
      if (status === 200) return bytes;
      throw new FlorenceError(
        "url_fetch_failed",
        `The picture's address answers with status ${status}. See that it can be read with a plain GET.`,
        { errors: [{ pointer, detail: `status ${status}` }] },
      );
    }
  }
}

function withinLimit({ limits }: Host, bytes: Uint8Array): Uint8Array {
  if (bytes.length > limits.maxImageBytes) {
    throw imageTooLarge(bytes.length, limits);
  }
  return bytes;
}
