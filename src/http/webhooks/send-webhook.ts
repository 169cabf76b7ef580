// One signed POST to a receiver.

import { isFlorenceError } from "../../shared/errors.ts";
import { signStandardWebhook } from "../../shared/webhooks/standard-webhook.ts";
import type { Host } from "../host.ts";
import { fetchUntrusted } from "../outbound/fetch-untrusted.ts";
import { retryAfterMs } from "./retry-after.ts";

/** A slow receiver is cut off; it may take the message and work later. */
export const RECEIVER_TIMEOUT_MS = 15_000;

/** Of a receiver's answer, so much is read. */
const MAX_ANSWER_BYTES = 1000;

export interface OutgoingWebhook {
  readonly id: string;
  readonly url: string;
  readonly body: string;
  /** At least one; each makes a signature. */
  readonly secrets: readonly string[];
  /** W3C Trace Context of what it tells of, where that is known. */
  readonly traceparent: string | null;
}

/** What a receiver made of it. */
export interface WebhookOutcome {
  readonly isDelivered: boolean;
  /** Null where there was no answer. */
  readonly status: number | null;
  /** Null where it went well; never holds the receiver's answer. */
  readonly error: string | null;
  /** The beginning of the receiver's answer. */
  readonly answer: string;
  /** When it wants to be asked again, from now; null where it does not say. */
  readonly retryAfterMs: number | null;
}

/** Sends a message once. Never rejects for what the receiver does. */
export async function sendWebhook(
  host: Host,
  { id, url, body, secrets, traceparent }: OutgoingWebhook,
): Promise<WebhookOutcome> {
  if (secrets.length === 0) {
    return failure(
      "The endpoint's secret cannot be opened: the service's own has changed since. Rotate the endpoint's secret.",
    );
  }
  try {
    const signed = await signStandardWebhook(secrets, {
      id,
      timestampSeconds: Math.floor(host.platform.now() / 1000),
      body,
    });
    const { status, headers, bytes } = await fetchUntrusted(host, url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "User-Agent": "Florence-Webhooks/1",
        ...(traceparent !== null && { traceparent }),
        ...signed,
      },
      body,
      timeoutMs: RECEIVER_TIMEOUT_MS,
      maxBytes: MAX_ANSWER_BYTES,
    });
    const isDelivered = status >= 200 && status < 300;
    return {
      isDelivered,
      status,
      error: isDelivered ? null : faultOf(status),
      answer: new TextDecoder().decode(bytes),
      retryAfterMs: retryAfterMs(status, headers, host.platform.now()),
    };
  } catch (error) {
    if (isFlorenceError(error)) return failure(error.message);
    host.onFailure?.(error, id);
    return failure("Sending failed on our side.");
  }
}

function faultOf(status: number): string {
  return status >= 300 && status < 400
    ? `The receiver answered ${status}: it redirects, which is not followed. Register the address it redirects to.`
    : `The receiver answered ${status}; 200 to 299 says that it took the message.`;
}

function failure(error: string): WebhookOutcome {
  return {
    isDelivered: false,
    status: null,
    error,
    answer: "",
    retryAfterMs: null,
  };
}
