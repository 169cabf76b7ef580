// The ways to name a picture in a request. Exactly one is used at a time.

import * as v from "valibot";
import { FlorenceError, type FieldError } from "../../shared/errors.ts";
import {
  fieldErrors,
  isUnknownField,
  unknownFieldDetail,
} from "../../shared/schema/field-errors.ts";
import { MAX_URL_LENGTH } from "../outbound/address-rules.ts";

/** `image` of a request, parsed; bytes that came with the request are at hand. */
export type ImageReference =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "upload"; readonly uploadId: string }
  | { readonly kind: "bucket"; readonly key: string }
  | { readonly kind: "feature"; readonly featureId: string };

/** The fields that name a picture; `media_type` only goes with `base64`. */
const WAYS = [
  "url",
  "base64",
  "upload_id",
  "bucket_key",
  "feature_id",
] as const;

const EXAMPLE =
  'Example: {"image":{"url":"https://example.com/photo.jpg"},"tasks":[{"task":"caption"}]}.';

function text(what: string, maxLength: number) {
  const message = `${what}, 1 to ${maxLength} characters`;
  return v.pipe(
    v.string(message),
    v.minLength(1, message),
    v.maxLength(maxLength, message),
  );
}

const MediaType = v.pipe(
  v.string("an image media type such as image/jpeg"),
  v.regex(/^image\/[\w.+-]{1,80}$/u, "an image media type such as image/jpeg"),
);

const FIELDS = {
  /** An address that anyone on the internet can reach. */
  url: text("an http or https address", MAX_URL_LENGTH),
  /** The file itself. */
  base64: v.string("the file in base64"),
  /** Of `POST /v1/uploads`. */
  upload_id: text("an upload's id", 100),
  /** A key of the bucket below the tenant's own prefix. */
  bucket_key: text("a key of the bucket", 512),
  /** `image.feature_id` of an answer: the picture as it was seen then. */
  feature_id: text("an answer's image.feature_id", 100),
};

/** `image` as a request has it, for whoever wants to know what is taken. */
export const ImageSchema = v.union([
  v.strictObject({ url: v.pipe(FIELDS.url, v.url()) }),
  v.strictObject({
    base64: v.pipe(FIELDS.base64, v.base64()),
    /** May be left out: the bytes say what they are. */
    media_type: v.exactOptional(MediaType),
  }),
  v.strictObject({ upload_id: FIELDS.upload_id }),
  v.strictObject({ bucket_key: FIELDS.bucket_key }),
  v.strictObject({ feature_id: FIELDS.feature_id }),
]);

/** The same with its fields side by side: its issues say what is wrong. */
const FlatImageSchema = v.pipe(
  v.strictObject({
    url: v.exactOptional(FIELDS.url),
    base64: v.exactOptional(FIELDS.base64),
    media_type: v.exactOptional(MediaType),
    upload_id: v.exactOptional(FIELDS.upload_id),
    bucket_key: v.exactOptional(FIELDS.bucket_key),
    feature_id: v.exactOptional(FIELDS.feature_id),
  }),
  v.check(
    (image) => WAYS.filter((way) => way in image).length === 1,
    `exactly one of ${WAYS.join(", ")}`,
  ),
  v.check(
    (image) => !("media_type" in image) || "base64" in image,
    "media_type goes with base64 only",
  ),
);

/**
 * Parses `image` of a request.
 *
 * @param pointer where it stands, such as `/items/3/image`.
 * @throws FlorenceError `invalid_request`.
 */
export function parseImageReference(
  image: unknown,
  pointer = "/image",
): ImageReference {
  if (image === undefined) {
    throw invalid([{ pointer, detail: "required" }], EXAMPLE);
  }
  // Valibot takes an array for an object without fields.
  const given: unknown = Array.isArray(image) ? null : image;
  const parsed = v.safeParse(FlatImageSchema, given);
  if (!parsed.success) {
    const errors = fieldErrors(parsed.issues, pointer, (issue) => {
      if (isUnknownField(issue)) {
        return unknownFieldDetail(issue, [...WAYS, "media_type"]);
      }
      return issue.type === "strict_object"
        ? `an object with exactly one of ${WAYS.join(", ")}`
        : null;
    });
    throw invalid(errors, errors[0]?.pointer === pointer ? EXAMPLE : "");
  }
  const { url, base64, upload_id, bucket_key, feature_id } = parsed.output;
  if (url !== undefined) return { kind: "url", url };
  if (upload_id !== undefined) return { kind: "upload", uploadId: upload_id };
  if (bucket_key !== undefined) return { kind: "bucket", key: bucket_key };
  if (feature_id !== undefined) {
    return { kind: "feature", featureId: feature_id };
  }
  // The schema let exactly one pass.
  return { kind: "bytes", bytes: decodeBase64(base64!, `${pointer}/base64`) };
}

function decodeBase64(base64: string, pointer: string): Uint8Array {
  if (base64.startsWith("data:")) {
    const detail = "a data: URL; send only what stands after its comma";
    throw invalid([{ pointer, detail }]);
  }
  let binary: string;
  try {
    binary = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
  } catch (cause) {
    const detail =
      "not base64: it has a character outside the alphabet, or its length is impossible";
    throw invalid([{ pointer, detail }], "", cause);
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) {
    bytes[at] = binary.charCodeAt(at);
  }
  return bytes;
}

function invalid(
  errors: readonly FieldError[],
  example = "",
  cause?: unknown,
): FlorenceError {
  const [first] = errors;
  const field = (first?.pointer ?? "").slice(1).replaceAll("/", ".");
  const message = `${field}: ${first?.detail ?? "not valid"}. ${example}`;
  return new FlorenceError("invalid_request", message.trim(), {
    cause,
    errors,
  });
}
