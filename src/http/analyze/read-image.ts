// The three forms of an analyze body: the image itself, multipart, or JSON that
// names it. Each gives a reference to the image and what is asked of it.

import { FlorenceError } from "../../shared/errors.ts";
import { readBody, statedLength } from "../read-body.ts";
import { parseImageReference, type ImageReference } from "./image-reference.ts";

/** Largest bodies in bytes. */
export interface BodyLimits {
  /** An image, raw or as a part. */
  readonly maxImageBytes: number;
  /** A JSON body, or the `request` part. */
  readonly maxJsonBytes: number;
}

/** A body taken apart; nothing but its form is checked yet. */
export interface ReceivedImage {
  readonly image: ImageReference;
  /** `tasks`, `options` and `metadata` as sent; null for a raw image. */
  readonly request: Readonly<Record<string, unknown>> | null;
}

/** Room for the boundaries and headers of a multipart body. */
const MULTIPART_OVERHEAD = 16_384;

const FORMS =
  "Send the image itself (Content-Type: image/jpeg, ?tasks=caption,detect), multipart/form-data with the parts image and request, or application/json with an image of one of url, base64, upload_id, bucket_key, feature_id.";

/** Arrays and objects within each other; our own forms need 8. */
const MAX_DEPTH = 64;

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
    const bytes = await readRaw(request, limits);
    return { image: { kind: "bytes", bytes }, request: null };
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
  const form = await readForm(request, maxImageBytes + maxJsonBytes);
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
  const imageBytes = new Uint8Array(await image.arrayBuffer());
  return { image: { kind: "bytes", bytes: imageBytes }, request: parsed };
}

/** @param maxBytes of all parts. */
async function readForm(request: Request, maxBytes: number): Promise<FormData> {
  const type = request.headers.get("Content-Type") ?? "";
  const stated = statedLength(request);
  const tooLarge = (bytes: number | null) => bodyTooLarge(bytes, maxBytes);
  const mostBytes = maxBytes + MULTIPART_OVERHEAD;
  if (stated !== null && stated > mostBytes) throw tooLarge(stated);
  // What has a length need not be counted: the form is its first copy then.
  const source =
    stated === null
      ? new Response(await readBody(request, mostBytes, tooLarge), {
          headers: { "Content-Type": type },
        })
      : request;
  try {
    return await source.formData();
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
  const { image, ...asked } = parseObject(decodeText(bytes), "The body");
  const reference = parseImageReference(image);
  if (reference.kind === "bytes" && reference.bytes.length > maxImageBytes) {
    throw imageTooLarge(reference.bytes.length, {
      maxJsonBytes,
      maxImageBytes,
    });
  }
  return { image: reference, request: asked };
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(
      bytes,
    );
  } catch (cause) {
    throw new FlorenceError(
      "invalid_json",
      "The body is not UTF-8, and JSON is nothing else. Encode it as UTF-8.",
      { cause },
    );
  }
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
  if (isDeeperThan(MAX_DEPTH, value)) {
    throw invalid(
      "",
      `${what} has more than ${MAX_DEPTH} arrays and objects within each other. Make it flatter.`,
    );
  }
  // An object that JSON.parse made has string keys.
  return value as Record<string, unknown>;
}

/** Without recursion: what is too deep must not exhaust the stack. */
function isDeeperThan(maxDepth: number, parsed: object): boolean {
  let level: readonly object[] = [parsed];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > maxDepth) return true;
    level = level.flatMap((one) =>
      Object.values(one).filter(
        (value): value is object => typeof value === "object" && value !== null,
      ),
    );
  }
  return false;
}

function invalid(pointer: string, detail: string): FlorenceError {
  return new FlorenceError("invalid_request", detail, {
    errors: [{ pointer, detail }],
  });
}

/** The error for a picture of more bytes than may be. */
export function imageTooLarge(
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
