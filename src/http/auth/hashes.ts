// What keys are compared by: hashes, in a time that says nothing.

import type { Host } from "../host.ts";

/** Lower-case hexadecimal SHA-256 of a text's UTF-8. */
export async function sha256Text(
  { platform }: Pick<Host, "platform">,
  text: string,
): Promise<string> {
  return await platform.sha256(new TextEncoder().encode(text));
}

/**
 * Whether two hashes are equal. Looks at every character whatever the first
 * ones say, so that the time taken tells nothing of where they part.
 */
export function equalHashes(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) {
    difference |= one.charCodeAt(at) ^ other.charCodeAt(at);
  }
  return difference === 0;
}
