// Addresses of an upload's file that work without a key: signed, for one method
// and a limited time. They need no credentials of a storage.

import { FlorenceError } from "../../shared/errors.ts";
import { fromBase64 } from "../../shared/webhooks/from-base64.ts";
import { toBase64 } from "../../shared/render/base64.ts";
import type { Host } from "../host.ts";
import { signingKey } from "../seal.ts";

/** How long an address is good. */
export const ADDRESS_SECONDS = 3600;

type Method = "GET" | "PUT";

export interface SignedAddress {
  readonly url: string;
  readonly expiresMs: number;
}

/** The address to send an upload's file to, or to read it from. */
export async function signAddress(
  { config, platform }: Host,
  method: Method,
  uploadId: string,
): Promise<SignedAddress> {
  const nowSeconds = Math.floor(platform.now() / 1000);
  const expires = String(nowSeconds + ADDRESS_SECONDS);
  const key = await signingKey(config.secret, "upload-address");
  const signature = toBase64(
    new Uint8Array(
      await crypto.subtle.sign("HMAC", key, signed(method, uploadId, expires)),
    ),
  );
  const query = new URLSearchParams({
    expires,
    signature: signature
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace("=", ""),
  });
  return {
    url: `${config.public_url}/v1/uploads/${encodeURIComponent(uploadId)}/content?${query.toString()}`,
    expiresMs: Number(expires) * 1000,
  };
}

/**
 * Checks the signature of a request to an upload's file.
 *
 * @throws FlorenceError `signature_invalid`; `expired` for one that was good.
 */
export async function checkSignedAddress(
  { config, platform }: Host,
  method: Method,
  uploadId: string,
  query: { readonly expires?: string; readonly signature?: string },
): Promise<void> {
  const { expires = "", signature = "" } = query;
  const bytes = fromBase64(signature);
  const key = await signingKey(config.secret, "upload-address");
  const isOurs =
    bytes !== null &&
    /^\d{1,12}$/u.test(expires) &&
    // Compares in constant time.
    (await crypto.subtle.verify(
      "HMAC",
      key,
      bytes,
      signed(method, uploadId, expires),
    ));
  if (!isOurs) {
    throw new FlorenceError(
      "signature_invalid",
      `The address is not one that this service signed for ${method}. Use it as it was given, with its expires and signature.`,
    );
  }
  if (Number(expires) * 1000 <= platform.now()) {
    throw new FlorenceError(
      "expired",
      method === "PUT"
        ? "The address is no longer good. Make another upload with POST /v1/uploads."
        : "The address is no longer good. GET /v1/uploads/{id} gives a fresh one.",
    );
  }
}

function signed(
  method: Method,
  uploadId: string,
  expires: string,
): Uint8Array<ArrayBuffer> {
  // A copy, since not every platform says what the encoder's buffer is.
  return Uint8Array.from(
    new TextEncoder().encode(`${method}\n${uploadId}\n${expires}`),
  );
}
