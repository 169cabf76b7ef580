// Reads a body up to a limit: refused from its header where that says enough,
// cut off where it does not.

/**
 * Collects the body.
 *
 * @param tooLarge makes the error for a body of more than `maxBytes`; its
 *   argument is the length the header states, null if it grew beyond.
 * @returns bytes owned by the caller; peak memory twice their length where the
 *   header does not state it.
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  tooLarge: (statedBytes: number | null) => Error,
): Promise<Uint8Array<ArrayBuffer>> {
  const stated = statedLength(request);
  if (stated !== null && stated > maxBytes) throw tooLarge(stated);
  if (request.body === null) return new Uint8Array(0);
  if (stated !== null) {
    // Chunks would be a second copy that stays until the next collection.
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.length > maxBytes) throw tooLarge(null);
    return bytes;
  }

  const reader = request.body.getReader() as ReadableStreamDefaultReader<Uint8Array>; // prettier-ignore
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.byteLength;
    if (length > maxBytes) {
      // Not awaited: of a cloned request, it would wait for the other half.
      void reader.cancel();
      throw tooLarge(null);
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** How long the header says the body is; HTTP ends it there. Null if not said. */
export function statedLength(request: Request): number | null {
  const length = request.headers.get("Content-Length") ?? "";
  return /^\d+$/u.test(length) ? Number(length) : null;
}
