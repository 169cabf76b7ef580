// Clock, ids and hashes in a Worker.

import type { Platform } from "../../src/shared/analyze/analyze.ts";

/** Milliseconds; deployed, the clock stands still while a request computes. */
export const WORKER_PLATFORM: Platform = {
  now: () => Date.now(),
  id: (prefix) => `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`,
  sha256,
};

/** Lower-case hexadecimal SHA-256. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
