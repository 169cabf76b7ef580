// Keys made of the service's one secret: for what is kept sealed, and for what
// the service signs to recognize it later.

import { toBase64 } from "../shared/render/base64.ts";
import { fromBase64 } from "../shared/webhooks/from-base64.ts";

const IV_BYTES = 12;

/**
 * Seals a text (AES-256-GCM).
 *
 * @param secret of the service.
 * @param purpose what the text is and to whom it belongs; opens only there.
 */
export async function seal(
  secret: string,
  purpose: string,
  text: string,
): Promise<string> {
  const key = await sealingKey(secret);
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const sealed = await crypto.subtle.encrypt(
    { name: "AES-GCM", iv, additionalData: utf8(purpose) },
    key,
    utf8(text),
  );
  const bytes = new Uint8Array(IV_BYTES + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), IV_BYTES);
  return toBase64(bytes);
}

/** The sealed text; null where it was sealed with another secret or purpose. */
export async function unseal(
  secret: string,
  purpose: string,
  sealed: string,
): Promise<string | null> {
  const bytes = fromBase64(sealed);
  if (bytes === null || bytes.length <= IV_BYTES) return null;
  const key = await sealingKey(secret);
  const iv = bytes.subarray(0, IV_BYTES);
  try {
    const opened = await crypto.subtle.decrypt(
      { name: "AES-GCM", iv, additionalData: utf8(purpose) },
      key,
      bytes.subarray(IV_BYTES),
    );
    return new TextDecoder().decode(opened);
  } catch {
    // The one failure of `decrypt` is a tag that does not fit.
    return null;
  }
}

/** 32 bytes that only this service can make, for one purpose. */
export async function deriveBytes(
  secret: string,
  purpose: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey(
    "raw",
    utf8(secret),
    "HKDF",
    false,
    ["deriveBits"],
  );
  const bits = await crypto.subtle.deriveBits(hkdf(purpose), key, 256);
  return new Uint8Array(bits);
}

/** A key for HMAC-SHA256 that only this service has, for one purpose. */
export async function signingKey(
  secret: string,
  purpose: string,
): Promise<CryptoKey> {
  return await crypto.subtle.importKey(
    "raw",
    await deriveBytes(secret, purpose),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );
}

async function sealingKey(secret: string): Promise<CryptoKey> {
  return await crypto.subtle.importKey(
    "raw",
    await deriveBytes(secret, "seal"),
    "AES-GCM",
    false,
    ["encrypt", "decrypt"],
  );
}

/** RFC 5869; the secret has entropy of its own, so there is no salt. */
function hkdf(purpose: string) {
  return {
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(0),
    info: utf8(`florence:${purpose}`),
  };
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  // A copy, since not every platform says what the encoder's buffer is.
  return Uint8Array.from(new TextEncoder().encode(text));
}
