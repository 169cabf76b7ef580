// One file from a Hub-compatible server to disk, resumed by range, checked by
// its hash.

import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { basename } from "node:path";
import { pipeline } from "node:stream/promises";
import {
  FlorenceError,
  isFlorenceError,
  throwIfAborted,
} from "../shared/errors.ts";
import { requestHub, type HubAccess } from "./hub-request.ts";

/** A file of the repository and what is known of its content. */
export interface HubFile {
  readonly path: string;
  readonly bytes: number | null;
  /** Of a large file. */
  readonly sha256: string | null;
  /** Git's hash of a small one. */
  readonly blobId: string | null;
}

export interface DownloadOptions extends HubAccess {
  /** Told how many bytes of the file are there. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** Attempts in a row that bring not one byte. */
const MOST_FRUITLESS_ATTEMPTS = 3;

/**
 * Downloads to `part`, going on from the bytes it already has; a connection
 * that is cut is taken up again as long as bytes come.
 *
 * @throws FlorenceError `bundle_invalid` if the whole has another hash or size
 *   (`part` is then removed), `url_fetch_failed` and those of `requestHub`.
 */
export async function downloadFile(
  url: string,
  part: string,
  file: HubFile,
  options: DownloadOptions,
): Promise<void> {
  let expected = file;
  let fruitless = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      const linked = await append(url, part, before, options);
      if (
        expected.sha256 === null &&
        expected.blobId === null &&
        linked !== null
      ) {
        expected = { ...expected, sha256: linked };
      }
      break;
    } catch (error) {
      throwIfAborted(options.signal);
      if (!isFlorenceError(error) || !error.retryable) throw error;
      fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
      if (fruitless >= MOST_FRUITLESS_ATTEMPTS) throw error;
    }
  }
  if (await fileMatches(part, expected, true)) return;
  const { size } = await stat(part);
  await rm(part);
  throw new FlorenceError(
    "bundle_invalid",
    `${file.path} came with ${size} bytes (${file.bytes ?? "unknown"} expected) and not with the hash the server states. It was thrown away; pull again.`,
  );
}

/**
 * Whether a file is there and is the one the server describes.
 *
 * @param trustsUnknown what to say of a file the server states no hash for.
 */
export async function fileMatches(
  path: string,
  file: HubFile,
  trustsUnknown = false,
): Promise<boolean> {
  const size = await sizeOf(path, -1);
  if (size < 0 || (file.bytes !== null && size !== file.bytes)) return false;
  if (file.sha256 !== null) {
    return (await hashOf(path, createHash("sha256"))) === file.sha256;
  }
  if (file.blobId !== null) {
    // How git names a blob: https://git-scm.com/book, "Git Objects".
    const hash = createHash("sha1").update(`blob ${size}\0`);
    return (await hashOf(path, hash)) === file.blobId;
  }
  return trustsUnknown;
}

/** Appends what the server still has; returns the hash it states. */
async function append(
  url: string,
  part: string,
  have: number,
  options: DownloadOptions,
): Promise<string | null> {
  const headers: Record<string, string> =
    have > 0 ? { range: `bytes=${have}-` } : {};
  const { response, linkedEtag } = await requestHub(url, headers, options);
  if (response.status === 416) {
    await response.body?.cancel();
    return linkedEtag; // nothing is left to come; the hash decides
  }
  const goesOn = response.status === 206 && startOf(response) === have;
  if (response.status === 206 && !goesOn) {
    await response.body?.cancel();
    throw cut(part, new Error("another range than the one asked for"));
  }
  const output = await open(part, goesOn ? "a" : "w");
  let bytes = goesOn ? have : 0;
  try {
    if (response.body === null) throw new Error("no body");
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      await output.appendFile(chunk);
      bytes += chunk.length;
      options.onBytes?.(bytes);
    }
  } catch (cause) {
    throw cut(part, cause);
  } finally {
    await output.close();
  }
  return linkedEtag;
}

function startOf(response: Response): number | null {
  const range = response.headers.get("content-range") ?? "";
  const start = /^bytes (\d+)-/u.exec(range)?.[1];
  return start === undefined ? null : Number(start);
}

function cut(part: string, cause: unknown): FlorenceError {
  return new FlorenceError(
    "url_fetch_failed",
    `The download of ${basename(part).replace(/\.\w+\.part$/u, "")} was cut. Pull again: it goes on where it stopped.`,
    { cause, retryable: true },
  );
}

async function sizeOf(path: string, missing = 0): Promise<number> {
  const info = await stat(path).catch(() => null);
  return info?.isFile() === true ? info.size : missing;
}

async function hashOf(path: string, hash: Hash): Promise<string> {
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
