// Clock, ids and hashes in a page.

import type { Platform } from "../shared/analyze/analyze.ts";

/** What the core needs of a browser; there is no rasterizer here. */
export const BROWSER_PLATFORM: Platform = {
  now: () => Date.now(),
  id: (prefix) => `${prefix}_${crypto.randomUUID().replaceAll("-", "")}`,
  sha256,
};

/** Lower-case hexadecimal SHA-256. */
export async function sha256(bytes: Uint8Array): Promise<string> {
  // What is hashed was fetched or sent here: it lies in plain memory.
  const source = bytes as Uint8Array<ArrayBuffer>;
  const digest = await crypto.subtle.digest("SHA-256", source);
  const hex = (byte: number): string => byte.toString(16).padStart(2, "0");
  return Array.from(new Uint8Array(digest), hex).join("");
}
