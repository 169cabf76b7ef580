// The three forms of an analyze body: the image itself, multipart, or JSON with
// the image in base64. Each gives the image's bytes and what is asked of it.

import { FlorenceError } from "../../shared/errors.ts";
import { readBody } from "../read-body.ts";

/** Largest bodies in bytes. */
export interface BodyLimits {
  /** An image, raw or as a part. */
  readonly maxImageBytes: number;
  /** A JSON body, or the `request` part. */
  readonly maxJsonBytes: number;
}

/** A body taken apart; nothing but its form is checked yet. */
export interface ReceivedImage {
  readonly image: Uint8Array;
  /** `tasks`, `options` and `metadata` as sent; null for a raw image. */
  readonly request: Readonly<Record<string, unknown>> | null;
}

/** Room for the boundaries and headers of a multipart body. */
const MULTIPART_OVERHEAD = 16_384;

const FORMS =
  "Send the image itself (Content-Type: image/jpeg, ?tasks=caption,detect), multipart/form-data with the parts image and request, or application/json with image.base64.";

/**
 * Reads the body of `POST /v1/analyze`.
 *
 * @throws FlorenceError `unsupported_media_type`, `image_too_large` and
 *   `body_too_large` (from the header where it says so), `invalid_json`,
 *   `invalid_request`.
 */
export async function readImage(
  request: Request,
  limits: BodyLimits,
): Promise<ReceivedImage> {
  const encoding = request.headers.get("Content-Encoding") ?? "identity";
  if (encoding !== "identity") {
    throw new FlorenceError(
      "unsupported_media_type",
      `The body is compressed (${encoding.slice(0, 40)}); images are compressed already. Send it as it is.`,
    );
  }
  const type = mediaTypeOf(request);
  if (type === "multipart/form-data") return await readParts(request, limits);
  if (type === "application/json") return await readJson(request, limits);
  // What it really is shows in its bytes; an unnamed body is tried, too.
  if (
    type === "" ||
    type === "application/octet-stream" ||
    type.startsWith("image/")
  ) {
    return { image: await readRaw(request, limits), request: null };
  }
  const hint =
    type === "application/x-www-form-urlencoded"
      ? " (curl says so of --data-binary unless told: add -H 'Content-Type: image/jpeg')"
      : "";
  throw new FlorenceError(
    "unsupported_media_type",
    `Content-Type is ${type.slice(0, 80)}${hint}. ${FORMS}`,
  );
}

/** The media type a request states, without parameters, in lower case. */
export function mediaTypeOf(request: Request): string {
  const [type] = (request.headers.get("Content-Type") ?? "").split(";");
  return type!.trim().toLowerCase();
}

async function readRaw(
  request: Request,
  limits: BodyLimits,
): Promise<Uint8Array> {
  return await readBody(request, limits.maxImageBytes, (stated) =>
    imageTooLarge(stated, limits),
  );
}

async function readParts(
  request: Request,
  limits: BodyLimits,
): Promise<ReceivedImage> {
  const { maxImageBytes, maxJsonBytes } = limits;
  const bytes = await readBody(
    request,
    maxImageBytes + maxJsonBytes + MULTIPART_OVERHEAD,
    (stated) => bodyTooLarge(stated, maxImageBytes + maxJsonBytes),
  );
  const form = await parseForm(request, bytes);
  for (const name of new Set(form.keys())) {
    if (name !== "image" && name !== "request") {
      throw invalid(
        `/${name.slice(0, 40)}`,
        `Part "${name.slice(0, 40)}" is not known; the parts are image and request.`,
      );
    }
    const count = form.getAll(name).length;
    if (count > 1) {
      throw invalid(
        `/${name}`,
        `There are ${count} parts "${name}"; send one. Several images are several requests.`,
      );
    }
  }

  const image = form.get("image");
  if (image === null || typeof image === "string") {
    throw invalid(
      "/image",
      image === null
        ? "The part image is missing. Add it as a file: -F image=@photo.jpg."
        : "The part image is text; it takes a file: -F image=@photo.jpg.",
    );
  }
  if (image.size > maxImageBytes) throw imageTooLarge(image.size, limits);
  const part = form.get("request");
  if (part === null) {
    throw invalid(
      "/request",
      'The part request is missing. Add it as JSON: -F \'request={"tasks":[{"task":"caption"}]}\'.',
    );
  }
  const text = typeof part === "string" ? part : await part.text();
  if (text.length > maxJsonBytes) throw bodyTooLarge(text.length, maxJsonBytes);
  const parsed = parseObject(text, "The part request");
  if ("image" in parsed) {
    throw invalid(
      "/image",
      "The image is given twice: as a part and in request. Send one of them.",
    );
  }
  return { image: new Uint8Array(await image.arrayBuffer()), request: parsed };
}

async function parseForm(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<FormData> {
  const type = request.headers.get("Content-Type") ?? "";
  try {
    return await new Response(bytes, {
      headers: { "Content-Type": type },
    }).formData();
  } catch (cause) {
    throw new FlorenceError(
      "invalid_request",
      "The multipart body cannot be taken apart: its boundary is missing, or it is cut off. Let your HTTP client make the Content-Type header.",
      { cause },
    );
  }
}

async function readJson(
  request: Request,
  { maxJsonBytes, maxImageBytes }: BodyLimits,
): Promise<ReceivedImage> {
  const bytes = await readBody(request, maxJsonBytes, (stated) =>
    bodyTooLarge(stated, maxJsonBytes),
  );
  const { image, ...asked } = parseObject(
    new TextDecoder().decode(bytes),
    "The body",
  );
  const decoded = decodeJsonImage(image);
  if (decoded.length > maxImageBytes) {
    throw imageTooLarge(decoded.length, { maxJsonBytes, maxImageBytes });
  }
  return { image: decoded, request: asked };
}

/** Ways to name an image that this release does not act upon. */
const LATER = ["url", "upload_id", "bucket_key", "feature_id"];

function decodeJsonImage(image: unknown): Uint8Array {
  if (typeof image !== "object" || image === null || Array.isArray(image)) {
    throw invalid(
      "/image",
      'image is missing or no object. Example: {"image":{"base64":"...","media_type":"image/jpeg"},"tasks":[{"task":"caption"}]}.',
    );
  }
  const keys = Object.keys(image);
  const later = keys.find((key) => LATER.includes(key));
  if (later !== undefined) {
    throw invalid(
      `/image/${later}`,
      `image.${later} is not supported by this release. Send the bytes: raw, as multipart, or as image.base64.`,
    );
  }
  const unknown = keys.find((key) => key !== "base64" && key !== "media_type");
  if (unknown !== undefined) {
    throw invalid(
      `/image/${unknown.slice(0, 40)}`,
      `image has an unknown field "${unknown.slice(0, 40)}"; it takes base64 and media_type.`,
    );
  }
  const { base64, media_type: mediaType } = image as Record<string, unknown>;
  if (mediaType !== undefined && !isImageType(mediaType)) {
    throw invalid(
      "/image/media_type",
      "image.media_type is no image media type such as image/jpeg. It may be left out: the bytes say what they are.",
    );
  }
  if (typeof base64 !== "string") {
    throw invalid("/image/base64", "image.base64 is missing or no string.");
  }
  if (base64.startsWith("data:")) {
    throw invalid(
      "/image/base64",
      "image.base64 is a data: URL. Send only what stands after its comma.",
    );
  }
  return decodeBase64(base64);
}

function isImageType(value: unknown): boolean {
  return typeof value === "string" && /^image\/[\w.+-]{1,80}$/u.test(value);
}

function decodeBase64(base64: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
  } catch (cause) {
    throw invalid(
      "/image/base64",
      "image.base64 is not base64: it has a character outside the alphabet, or its length is impossible.",
      cause,
    );
  }
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at += 1) {
    bytes[at] = binary.charCodeAt(at);
  }
  return bytes;
}

function parseObject(text: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FlorenceError(
      "invalid_json",
      `${what} is not JSON: ${reason.slice(0, 200)}.`,
      { cause },
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(
      "",
      `${what} is not a JSON object. Example: {"tasks":[{"task":"caption"}]}.`,
    );
  }
  // An object that JSON.parse made has string keys.
  return value as Record<string, unknown>;
}

function invalid(
  pointer: string,
  detail: string,
  cause?: unknown,
): FlorenceError {
  return new FlorenceError("invalid_request", detail, {
    cause,
    errors: [{ pointer, detail }],
  });
}

function imageTooLarge(
  stated: number | null,
  limits: BodyLimits,
): FlorenceError {
  return new FlorenceError(
    "image_too_large",
    `The image is ${size(stated, limits.maxImageBytes)}; the limit is ${megabytes(limits.maxImageBytes)}. Resize it and send it again.`,
  );
}

function bodyTooLarge(stated: number | null, maxBytes: number): FlorenceError {
  return new FlorenceError(
    "body_too_large",
    `The body is ${size(stated, maxBytes)}; the limit is ${megabytes(maxBytes)}. Send the image raw or as a multipart part, at most 20 MB.`,
  );
}

function size(stated: number | null, maxBytes: number): string {
  return stated === null
    ? `more than ${megabytes(maxBytes)}`
    : megabytes(stated, Math.ceil);
}

/** `round` up what is over a limit, so that it never reads as equal to it. */
function megabytes(bytes: number, round = Math.round): string {
  return `${round(bytes / 1e4) / 100} MB`;
}
