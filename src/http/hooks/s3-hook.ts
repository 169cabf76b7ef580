// Hooks of kind `s3`: event notifications of S3 and of storages that speak like
// it (MinIO's webhook target among them), which carry a bearer token.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { isPath } from "../analyze/image-resolver.ts";
import { parseBody } from "../read-json-body.ts";
import {
  MAX_PICTURES,
  type HookRequest,
  type IncomingMessage,
  type IncomingPicture,
} from "./incoming.ts";
import { parseObject } from "./named-images.ts";

/**
 * One record, as far as it is read ("Event message structure" of the S3 user
 * guide); others' fields are left alone.
 */
const S3Record = v.object({
  eventName: v.string(),
  s3: v.object({
    bucket: v.object({ name: v.string() }),
    object: v.object({
      /** Encoded as in a URL's query: a space is `+`. */
      key: v.string(),
      eTag: v.exactOptional(v.string()),
      versionId: v.exactOptional(v.nullable(v.string())),
      sequencer: v.exactOptional(v.string()),
    }),
  }),
});

const Message = v.object({
  Records: v.pipe(v.array(S3Record), v.maxLength(MAX_PICTURES)),
});

/** @throws FlorenceError `signature_invalid`, `invalid_json`, `invalid_request`. */
export async function readS3Hook(
  request: HookRequest,
): Promise<IncomingMessage> {
  refuseTopics(request.headers);
  await checkToken(request);
  const body = parseObject(request.body);
  // Sent once when notifications are switched on.
  if (body["Event"] === "s3:TestEvent") {
    return { pictures: [], ignored: ["the storage's test event"] };
  }
  const { Records: records } = parseBody(body, Message);
  const pictures: IncomingPicture[] = [];
  const ignored: string[] = [];
  for (const { eventName, s3 } of records) {
    const { bucket, object } = s3;
    const key = decodeKey(object.key);
    const fault = !/^(?:s3:)?ObjectCreated:/u.test(eventName)
      ? `${eventName} is no new object`
      : key === null || !isPath(key)
        ? "the object's key cannot be read"
        : key.startsWith(`${request.source.tenant}/`)
          ? null
          : `the object's key does not begin with ${request.source.tenant}/`;
    if (key === null || fault !== null) {
      ignored.push(`${object.key.slice(0, 200)}: ${fault ?? ""}`);
      continue;
    }
    const mark = object.sequencer ?? object.versionId ?? object.eTag ?? "";
    pictures.push({
      dedupeKey: `${bucket.name}:${key}:${mark}`,
      place: { kind: "bucket", key },
      key,
    });
  }
  return { pictures, ignored };
}

/** Amazon SNS would have to be asked for its certificate first. */
function refuseTopics(headers: Headers): void {
  if (!headers.has("x-amz-sns-message-type")) return;
  throw new FlorenceError(
    "invalid_request",
    "This is a message of Amazon SNS, which is not supported, neither its confirmation. Send the bucket's events straight to the hook, e.g. by EventBridge or a function, with Authorization: Bearer and the hook's secret.",
  );
}

async function checkToken({ headers, source }: HookRequest): Promise<void> {
  const [scheme, token = ""] = (headers.get("Authorization") ?? "").split(" ");
  if (
    scheme?.toLowerCase() === "bearer" &&
    (await isEqual(token, source.secret))
  ) {
    return;
  }
  throw new FlorenceError(
    "signature_invalid",
    "Authorization is not Bearer and the hook's secret. Set it where the storage sends its events from.",
  );
}

/** Compares in constant time: MACs of both, under a key of the moment. */
async function isEqual(given: string, secret: string): Promise<boolean> {
  const encoder = new TextEncoder();
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey(
    "raw",
    crypto.getRandomValues(new Uint8Array(32)),
    algorithm,
    false,
    ["sign", "verify"],
  );
  const mac = await crypto.subtle.sign("HMAC", key, encoder.encode(secret));
  return await crypto.subtle.verify("HMAC", key, mac, encoder.encode(given));
}

function decodeKey(key: string): string | null {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    // A lone % is no encoding.
    return null;
  }
}
