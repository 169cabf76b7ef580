// Signed webhooks as Standard Webhooks has them (standardwebhooks.com, "Signature
// scheme"): HMAC-SHA256 over id, timestamp and body. For both ends, with
// WebCrypto only.

import { FlorenceError } from "../errors.ts";
import { toBase64 } from "../render/base64.ts";
import { fromBase64 } from "./from-base64.ts";

const PREFIX = "whsec_";
const SECRET_BYTES = 32;
const TOLERANCE_SECONDS = 300;
const MAX_SIGNATURES = 16;

/** What is signed. */
export interface StandardWebhook {
  /** The `webhook-id`: the same for every attempt of one message. */
  readonly id: string;
  /** Of this attempt. */
  readonly timestampSeconds: number;
  /** The body as it goes over the wire. */
  readonly body: string | Uint8Array;
}

export type StandardWebhookHeaders = Readonly<
  Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>
>;

export interface VerifyStandardWebhook {
  /** One secret, or several of which one must fit. */
  readonly secret: string | readonly string[];
  readonly headers: Headers | Readonly<Record<string, string | undefined>>;
  /** The body's bytes as they came: not parsed and written again. */
  readonly body: string | Uint8Array;
  readonly nowMs: number;
  /** How far the timestamp may be from `nowMs`; 300 if left out. */
  readonly toleranceSeconds?: number;
}

/** A new secret: `whsec_` and 32 random bytes in base64. */
export function newWebhookSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return PREFIX + toBase64(bytes);
}

/** Whether a text can be a secret: base64 of 16 bytes or more. */
export function isWebhookSecret(secret: string): boolean {
  const key = fromBase64(withoutPrefix(secret));
  return key !== null && key.length >= 16;
}

/**
 * Headers of a message. With several secrets it carries a signature of each,
 * so that a receiver may hold the new one or the one before.
 */
export async function signStandardWebhook(
  secrets: readonly string[],
  webhook: StandardWebhook,
): Promise<StandardWebhookHeaders> {
  const timestamp = String(webhook.timestampSeconds);
  const signed = signedBytes(webhook.id, timestamp, webhook.body);
  const signatures: string[] = [];
  for (const secret of secrets) {
    const key = await importKey(secret, "sign");
    const signature = await crypto.subtle.sign("HMAC", key, signed);
    signatures.push(`v1,${toBase64(new Uint8Array(signature))}`);
  }
  return {
    "webhook-id": webhook.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}

/**
 * Checks a message that came in. Whoever calls it still has to drop a
 * `webhook-id` that came before: a message may come twice.
 *
 * @returns the id and when the attempt was made.
 * @throws FlorenceError `signature_invalid` for anything but a good signature of
 *   a fresh message.
 */
export async function verifyStandardWebhook({
  secret,
  headers,
  body,
  nowMs,
  toleranceSeconds = TOLERANCE_SECONDS,
}: VerifyStandardWebhook): Promise<{
  readonly id: string;
  readonly timestampMs: number;
}> {
  const id = headerOf(headers, "webhook-id");
  const timestamp = headerOf(headers, "webhook-timestamp");
  if (id.length > 256) throw invalid("webhook-id has more than 256 letters");
  if (!/^[1-9]\d{0,11}$/u.test(timestamp)) {
    throw invalid("webhook-timestamp is no whole number of seconds");
  }
  const timestampMs = Number(timestamp) * 1000;
  if (Math.abs(nowMs - timestampMs) > toleranceSeconds * 1000) {
    throw invalid(
      `webhook-timestamp is more than ${toleranceSeconds} s from now; sign each attempt anew, and check both clocks`,
    );
  }
  const signatures = headerOf(headers, "webhook-signature")
    .split(" ")
    .filter((signature) => signature.startsWith("v1,"))
    .slice(0, MAX_SIGNATURES)
    .flatMap((signature) => fromBase64(signature.slice(3)) ?? []);
  const signed = signedBytes(id, timestamp, body);
  const secrets = typeof secret === "string" ? [secret] : secret;
  for (const one of secrets) {
    const key = await importKey(one, "verify");
    for (const signature of signatures) {
      // `verify` compares in constant time.
      if (await crypto.subtle.verify("HMAC", key, signature, signed)) {
        return { id, timestampMs };
      }
    }
  }
  throw invalid(
    "no v1 signature of webhook-signature fits; sign `id.timestamp.body` with the secret's bytes",
  );
}

function headerOf(
  headers: VerifyStandardWebhook["headers"],
  name: string,
): string {
  const value =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(
          ([key]) => key.toLowerCase() === name,
        )?.[1];
  if (value === undefined || value === null || value === "") {
    throw invalid(`the header ${name} is missing`);
  }
  return value;
}

function signedBytes(
  id: string,
  timestamp: string,
  body: string | Uint8Array,
): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const head = encoder.encode(`${id}.${timestamp}.`);
  const rest = typeof body === "string" ? encoder.encode(body) : body;
  const bytes = new Uint8Array(head.length + rest.length);
  bytes.set(head);
  bytes.set(rest, head.length);
  return bytes;
}

async function importKey(
  secret: string,
  usage: "sign" | "verify",
): Promise<CryptoKey> {
  const bytes = fromBase64(withoutPrefix(secret));
  if (bytes === null || bytes.length === 0) {
    throw new Error("internal: a webhook secret is not base64");
  }
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  return await crypto.subtle.importKey("raw", bytes, algorithm, false, [usage]);
}

function withoutPrefix(secret: string): string {
  return secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret;
}

function invalid(fault: string): FlorenceError {
  return new FlorenceError(
    "signature_invalid",
    `The webhook's signature does not hold: ${fault}.`,
  );
}
