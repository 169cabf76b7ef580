// Deliveries are signed as Standard Webhooks has it (version 1.0.0).

/** What is wrong with a delivery. Answer it with 401. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
}

export interface WebhookToVerify {
  /** The body as it came, not parsed and written again. */
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers:
    Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
  /** `whsec_…` of the endpoint; several while a rotation lasts. */
  readonly secret: string | readonly string[];
  /** How far the sender's clock may be off; 300 if left out. */
  readonly toleranceSeconds?: number;
  /** The receiver's clock; tests set it. */
  readonly nowMs?: number;
}

/** A delivery. `id` is the same if it comes twice: keep it to tell. */
export interface WebhookEvent {
  readonly id: string;
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Checks a delivery's signature and age.
 *
 * @returns what was delivered.
 * @throws WebhookVerificationError
 */
export async function verifyWebhook(
  input: WebhookToVerify,
): Promise<WebhookEvent> {
  const id = headerOf(input.headers, "webhook-id");
  const timestamp = headerOf(input.headers, "webhook-timestamp");
  const signatures = headerOf(input.headers, "webhook-signature").split(" ");
  checkAge(timestamp, input);

  const encoder = new TextEncoder();
  const body =
    typeof input.body === "string" ? encoder.encode(input.body) : input.body;
  const head = encoder.encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(head.length + body.length);
  signed.set(head);
  signed.set(body, head.length);

  const secrets =
    typeof input.secret === "string" ? [input.secret] : input.secret;
  for (const secret of secrets) {
    const key = await crypto.subtle.importKey(
      "raw",
      decodeBase64(secret.replace(/^whsec_/u, ""), "The secret"),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["verify"],
    );
    for (const signature of signatures) {
      const [version, value] = signature.split(",", 2);
      if (version !== "v1" || value === undefined) continue;
      const bytes = decodeBase64(value, "webhook-signature");
      // Constant-time, by the platform.
      if (await crypto.subtle.verify("HMAC", key, bytes, signed)) {
        return parse(new TextDecoder().decode(body), id);
      }
    }
  }
  throw new WebhookVerificationError(
    "No signature of the delivery fits. Check that the secret is this endpoint's and the body is the one received, byte by byte.",
  );
}

function checkAge(
  timestamp: string,
  { toleranceSeconds = 300, nowMs = Date.now() }: WebhookToVerify,
): void {
  const seconds = /^\d{1,12}$/u.test(timestamp) ? Number(timestamp) : null;
  if (seconds === null || Math.abs(nowMs / 1000 - seconds) > toleranceSeconds) {
    throw new WebhookVerificationError(
      `webhook-timestamp is "${timestamp.slice(0, 40)}", more than ${toleranceSeconds} s from now, or no number of seconds.`,
    );
  }
}

function headerOf(headers: WebhookToVerify["headers"], name: string): string {
  const value =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(
          ([key]) => key.toLowerCase() === name,
        )?.[1];
  const text = typeof value === "string" ? value : value?.[0];
  if (text === undefined || text === "") {
    throw new WebhookVerificationError(`The header ${name} is missing.`);
  }
  return text;
}

function decodeBase64(text: string, what: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch (cause) {
    throw new WebhookVerificationError(`${what} is not base64.`, { cause });
  }
}

function parse(text: string, id: string): WebhookEvent {
  // The signature fits: the service wrote it.
  return { id, ...(JSON.parse(text) as Omit<WebhookEvent, "id">) };
}
