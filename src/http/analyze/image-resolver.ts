// From a reference to the picture's bytes, or to what was seen of it.

import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import { FlorenceError } from "../../shared/errors.ts";
import type { FeatureCache } from "../features/feature-cache.ts";
import type { Host } from "../host.ts";
import { fetchUntrusted } from "../outbound/fetch-untrusted.ts";
import type { Principal } from "../principal.ts";
import { readUpload } from "../uploads/read-upload.ts";
import type { ImageReference } from "./image-reference.ts";
import { imageTooLarge } from "./read-image.ts";

/** A picture at hand: its file, or else what was seen of it. */
export type ResolvedImage = (
  | { readonly bytes: Uint8Array; readonly seen: null }
  | { readonly bytes: null; readonly seen: SeenImage }
) & {
  /** What fetching took; null where nothing was fetched. */
  readonly fetchMs: number | null;
};

export interface ImageResolver {
  /**
   * @throws FlorenceError `not_found`, `expired`, `url_forbidden`,
   *   `url_fetch_failed`, `image_too_large`, `deadline_exceeded`.
   */
  resolve(
    reference: ImageReference,
    principal: Principal,
    signal: AbortSignal,
  ): Promise<ResolvedImage>;
}

/** For the whole of a picture, redirects included. */
const FETCH_TIMEOUT_MS = 30_000;

export function createImageResolver(
  host: Host,
  features: FeatureCache,
): ImageResolver {
  const { platform } = host;
  const timed = async (
    read: () => Promise<Uint8Array>,
  ): Promise<ResolvedImage> => {
    const startMs = platform.now();
    const bytes = await read();
    if (bytes.length > host.limits.maxImageBytes) {
      throw imageTooLarge(bytes.length, host.limits);
    }
    return { bytes, seen: null, fetchMs: platform.now() - startMs };
  };
  return {
    async resolve(reference, { tenant }, signal) {
      switch (reference.kind) {
        case "bytes":
          return { bytes: reference.bytes, seen: null, fetchMs: null };
        case "url":
          return await timed(() => fetchImage(host, reference.url, signal));
        case "upload":
          return await timed(() =>
            readUpload(host, reference.uploadId, tenant),
          );
        case "bucket":
          return await timed(() => readBucket(host, reference.key, tenant));
        case "feature": {
          const seen = await features.read(reference.featureId, tenant);
          return { bytes: null, seen, fetchMs: null };
        }
      }
    },
  };
}

async function fetchImage(
  host: Host,
  url: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { maxImageBytes } = host.limits;
  const { status, bytes } = await fetchUntrusted(host, url, {
    headers: { Accept: "image/jpeg,image/png,image/webp,image/*;q=0.5" },
    timeoutMs: FETCH_TIMEOUT_MS,
    maxBytes: maxImageBytes,
    tooLarge: (stated) => imageTooLarge(stated, host.limits),
    signal,
    pointer: "/image/url",
  });
  if (status === 200) return bytes;
  throw new FlorenceError(
    "url_fetch_failed",
    `The image's address answers with status ${status}. See that anyone can read it with a plain GET, or send the bytes.`,
    { errors: [{ pointer: "/image/url", detail: `status ${status}` }] },
  );
}

/** A tenant sees what lies under its own name, and nothing else. */
async function readBucket(
  { bucket }: Host,
  key: string,
  tenant: string,
): Promise<Uint8Array> {
  const prefix = `${tenant}/`;
  const blob =
    key.startsWith(prefix) && isPath(key) ? await bucket.get(key) : null;
  if (blob !== null) return blob.bytes;
  throw new FlorenceError(
    "not_found",
    `There is no picture ${JSON.stringify(key.slice(0, 200))} in the bucket for you. Your keys begin with ${prefix}`,
    { errors: [{ pointer: "/image/bucket_key", detail: "not known" }] },
  );
}

/** Names between slashes; no way up, nothing that a file system takes ill. */
export function isPath(key: string): boolean {
  return (
    !/[\u0000-\u001f\u007f\\]/u.test(key) &&
    key.split("/").every((name) => !["", ".", ".."].includes(name))
  );
}
