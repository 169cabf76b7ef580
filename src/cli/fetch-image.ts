// Images by URL.

import { FlorenceError, isFlorenceError } from "../shared/errors.ts";
import { readCapped } from "./read-capped.ts";

const TIMEOUT_MS = 30_000;

/**
 * Downloads an image.
 *
 * Trust: the URL was typed by the person whose machine this is, so it may be
 * any address that machine reaches, private ones and redirects included. The
 * HTTP API, whose URLs come from strangers, has rules of its own.
 *
 * @throws FlorenceError `url_fetch_failed`; `image_too_large` past `maxBytes`.
 */
export async function fetchImage(
  url: string,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const shown = withoutSecrets(url);
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, timeout]),
      headers: { accept: "image/jpeg, image/png, image/webp, */*;q=0.1" },
    });
    if (!response.ok)
      throw new FlorenceError(
        "url_fetch_failed",
        `${shown} answered with status ${response.status}. Check the address.`,
      );
    if (response.body === null) return new Uint8Array();
    return await readCapped(response.body, maxBytes, shown);
  } catch (cause) {
    if (isFlorenceError(cause) || signal.aborted) throw cause;
    const reason = timeout.aborted
      ? `no answer within ${TIMEOUT_MS / 1000} s`
      : reasonOf(cause);
    throw new FlorenceError(
      "url_fetch_failed",
      `${shown} could not be fetched: ${reason}. Check the address.`,
      { cause, retryable: true },
    );
  }
}

/** A URL fit for a message: no credentials, no signed query. */
export function withoutSecrets(url: string): string {
  if (!URL.canParse(url)) return url;
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** `fetch` says "fetch failed" and keeps the reason in its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === "" && "code" in cause
    ? String(cause.code)
    : cause.message;
}
