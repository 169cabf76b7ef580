// What makes two requests the same: method, path, query, media type and body.

import type { Host } from "../host.ts";
import { sha256Text } from "./hashes.ts";

/**
 * The fingerprint of a request. Multipart bodies are compared part by part:
 * clients draw a new boundary for each try.
 *
 * @param body the whole body; read, not kept.
 */
export async function fingerprintOf(
  host: Pick<Host, "platform">,
  request: Request,
  body: Uint8Array,
): Promise<string> {
  const { pathname, search } = new URL(request.url);
  const contentType = request.headers.get("Content-Type") ?? "";
  const [mediaType] = contentType.split(";");
  const parts = splitParts(body, boundaryOf(contentType));
  const hashes: string[] = [];
  for (const part of parts) hashes.push(await host.platform.sha256(part));
  return await sha256Text(
    host,
    JSON.stringify([
      request.method,
      pathname,
      search,
      mediaType!.trim().toLowerCase(),
      hashes,
    ]),
  );
}

/** `boundary` of a multipart media type; null for others. */
function boundaryOf(contentType: string): string | null {
  if (!/^multipart\//iu.test(contentType.trim())) return null;
  const [, quoted, plain] =
    /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/iu.exec(contentType) ?? [];
  return quoted ?? plain ?? null;
}

/** The stretches between boundaries, as views; the whole body if there are none. */
function splitParts(
  body: Uint8Array,
  boundary: string | null,
): readonly Uint8Array[] {
  if (boundary === null) return [body];
  const mark = new TextEncoder().encode(`--${boundary}`);
  const parts: Uint8Array[] = [];
  let start = 0;
  let at = body.indexOf(mark[0]!);
  while (at !== -1) {
    if (startsWith(body, at, mark)) {
      parts.push(body.subarray(start, at));
      start = at + mark.length;
      at = body.indexOf(mark[0]!, start);
    } else at = body.indexOf(mark[0]!, at + 1);
  }
  parts.push(body.subarray(start));
  return parts;
}

function startsWith(body: Uint8Array, at: number, mark: Uint8Array): boolean {
  for (let index = 0; index < mark.length; index += 1) {
    if (body[at + index] !== mark[index]) return false;
  }
  return true;
}
