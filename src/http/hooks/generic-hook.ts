// Hooks of kind `generic-hmac`: HMAC-SHA256 of the body in hexadecimal, as
// GitHub and many others sign. Such a signature has no time, and a message no
// id that is signed: a message is known again by its body.

import { FlorenceError } from "../../shared/errors.ts";
import { recognizeFile } from "../../shared/image/media-type.ts";
import type { HookRequest, IncomingMessage } from "./incoming.ts";
import { namedImages } from "./named-images.ts";

const HEADERS = ["X-Hub-Signature-256", "X-Signature"] as const;

/** @throws FlorenceError `signature_invalid`, `invalid_json`, `invalid_request`. */
export async function readGenericHook(
  request: HookRequest,
): Promise<IncomingMessage> {
  const { headers, body, sha256 } = request;
  await verify(request);
  const hash = await sha256(body);
  const type = headers.get("Content-Type") ?? "";
  const isPicture =
    type.startsWith("image/") ||
    recognizeFile(body).mediaType.startsWith("image/");
  if (isPicture) {
    const place = { kind: "bytes", bytes: body } as const;
    return { pictures: [{ dedupeKey: hash, place, key: null }], ignored: [] };
  }
  return {
    pictures: namedImages(body).map((place, index) => ({
      dedupeKey: `${hash}:${index}`,
      place,
      key: place.kind === "url" ? place.url : null,
    })),
    ignored: [],
  };
}

async function verify({ source, headers, body }: HookRequest): Promise<void> {
  const name = HEADERS.find((one) => headers.has(one));
  if (name === undefined) {
    throw invalid(
      `neither ${HEADERS.join(" nor ")} is there; send sha256= and the HMAC-SHA256 of the body in hexadecimal`,
    );
  }
  const given = (headers.get(name) ?? "").replace(/^sha256=/u, "");
  const key = await crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(source.secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["verify"],
  );
  const signature = fromHex(given);
  if (
    signature === null ||
    // Compares in constant time.
    !(await crypto.subtle.verify("HMAC", key, signature, body))
  ) {
    throw invalid(
      `${name} does not fit; it is sha256= and the HMAC-SHA256 of the body as sent, in hexadecimal, with the hook's secret`,
    );
  }
}

function fromHex(text: string): Uint8Array<ArrayBuffer> | null {
  if (!/^[\da-f]{64}$/iu.test(text)) return null;
  return Uint8Array.from({ length: 32 }, (_, at) =>
    Number.parseInt(text.slice(2 * at, 2 * at + 2), 16),
  );
}

function invalid(fault: string): FlorenceError {
  return new FlorenceError(
    "signature_invalid",
    `The hook's signature does not hold: ${fault}.`,
  );
}
