// Whether a delivery is the service's own, and fresh (Standard Webhooks 1.0.0).

import { createHmac, timingSafeEqual } from "crypto";

export interface Delivery {
  readonly headers: Readonly<Record<string, unknown>>;
  /** Bytes as they came. */
  readonly body: Uint8Array;
}

/** `fits` says which of the signatures is of our secret, from 0. */
export type Verdict =
  | { readonly isGenuine: true; readonly id: string; readonly fits: number }
  | {
      readonly isGenuine: false;
      readonly reason: string;
      /** All but the signature is right: our secret may be an old one, or lost. */
      readonly mayBeRotated: boolean;
    };

const TOLERANCE_SECONDS = 300;
const MAX_SIGNATURES = 16;

/** Checks headers, time and signature; without a secret nothing is genuine. */
export function verifyDelivery(
  { headers, body }: Delivery,
  secret: string,
  nowMs: number,
): Verdict {
  const id = textOf(headers["webhook-id"]);
  const timestamp = textOf(headers["webhook-timestamp"]);
  if (id === "" || id.length > 256)
    return forged("webhook-id is missing or too long");
  if (!/^[1-9]\d{0,11}$/u.test(timestamp))
    return forged("webhook-timestamp is no time");
  if (Math.abs(nowMs / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    return forged("webhook-timestamp is more than 5 minutes from now");
  }
  const signatures = textOf(headers["webhook-signature"])
    .split(" ")
    .filter((one) => one.startsWith("v1,"))
    .slice(0, MAX_SIGNATURES);
  if (signatures.length === 0) return forged("webhook-signature is missing");
  const key = Buffer.from(secret.replace(/^whsec_/u, ""), "base64");
  if (key.length === 0) {
    return {
      isGenuine: false,
      reason: "no secret is known",
      mayBeRotated: true,
    };
  }
  const wanted = createHmac("sha256", key)
    .update(`${id}.${timestamp}.`)
    .update(body)
    .digest();
  const fits = signatures.findIndex((one) => {
    const given = Buffer.from(one.slice(3), "base64");
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  return fits >= 0
    ? { isGenuine: true, id, fits }
    : { isGenuine: false, reason: "no signature fits", mayBeRotated: true };
}

function forged(reason: string): Verdict {
  return { isGenuine: false, reason, mayBeRotated: false };
}

function textOf(header: unknown): string {
  return typeof header === "string" ? header : "";
}
