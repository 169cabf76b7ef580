// Event notifications of an R2 bucket, as a queue brings them
// (developers.cloudflare.com/r2/buckets/event-notifications, "Message format").

import * as v from "valibot";
import { isPath } from "../analyze/image-resolver.ts";
import { TenantSchema } from "../config.ts";
import type { Host } from "../host.ts";
import { traceOf } from "../observability/trace-context.ts";
import type { Uploads } from "../uploads/uploads.ts";
import {
  acceptPictures,
  BUCKET_REFUSALS,
  requestOfTasks,
} from "./accept-pictures.ts";

const CREATED = ["PutObject", "CopyObject", "CompleteMultipartUpload"];

/** One message, as far as it is read. */
const R2Event = v.object({
  action: v.string(),
  bucket: v.string(),
  object: v.object({
    key: v.string(),
    /** Both left out for a deletion. */
    size: v.exactOptional(v.number()),
    eTag: v.exactOptional(v.string()),
  }),
  eventTime: v.string(),
});

/** What a message tells of. */
export interface BucketEvent {
  readonly action: string;
  readonly bucket: string;
  readonly key: string;
  readonly eTag: string;
  readonly size: number;
  /** Whose key it is; null for nobody's. */
  readonly tenant: string | null;
}

/** A message as an event; null if it is none. */
export function bucketEventOf(body: unknown): BucketEvent | null {
  const parsed = v.safeParse(R2Event, body);
  if (!parsed.success) return null;
  const { action, bucket, object } = parsed.output;
  const { key, eTag = "", size = 0 } = object;
  const [first = ""] = key.split("/");
  const tenant = key.includes("/") && v.is(TenantSchema, first) ? first : null;
  return { action, bucket, key, eTag, size, tenant };
}

/**
 * The consumer of bucket events. Pictures become uploads of the tenant that
 * their key begins with; deletions, other files and other keys are left alone.
 *
 * @returns a function that rejects only for what another try may mend.
 * @throws FlorenceError if the configuration asks a task that is not there.
 */
export function createBucketEvents(
  host: Host,
  uploads: Uploads,
): (body: unknown) => Promise<void> {
  const requests = new Map(
    Object.entries(host.config.bucket_tasks).map(([tenant, tasks]) => [
      tenant,
      requestOfTasks(tasks),
    ]),
  );
  return async (body) => {
    const event = bucketEventOf(body);
    if (event === null) {
      throw new Error("internal: a message is no event of an R2 bucket");
    }
    const { action, bucket, key, eTag, size, tenant } = event;
    if (
      !CREATED.includes(action) ||
      tenant === null ||
      !isPath(key) ||
      size > host.limits.maxImageBytes
    ) {
      return;
    }
    const request = requests.get(tenant) ?? null;
    const place = { kind: "bucket", key } as const;
    const dedupeKey = `${bucket}:${key}:${eTag}`;
    const source = {
      ...{ name: "r2", tenant, request, refusals: BUCKET_REFUSALS },
      // R2 tells of none: its trace begins here.
      traceparent: traceOf(null).traceparent,
    };
    await acceptPictures(host, uploads, source, [{ dedupeKey, place, key }]);
  };
}
