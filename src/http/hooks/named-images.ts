// Pictures that a JSON body names, for senders who choose their own form:
// `image_url`, `image_urls`, `image` or `images`, at the top or in `data`.

import { FlorenceError } from "../../shared/errors.ts";
import { fromBase64 } from "../../shared/webhooks/from-base64.ts";
import { MAX_PICTURES, type IncomingPlace } from "./incoming.ts";

type JsonObject = Readonly<Record<string, unknown>>;

const FORMS =
  '{"image_url": "https://…"}, {"image": {"url": "https://…"}} or {"image": {"base64": "…"}}, several as image_urls or images; all of it may stand in data';

/**
 * Where the pictures of a body are.
 *
 * @throws FlorenceError `invalid_json`, `invalid_request`.
 */
export function namedImages(body: Uint8Array): readonly IncomingPlace[] {
  const top = parseObject(body);
  const data = isObject(top["data"]) ? top["data"] : {};
  const places = [...placesOf(top, ""), ...placesOf(data, "/data")];
  if (places.length === 0) {
    throw invalid("", `The body names no picture. Write ${FORMS}.`);
  }
  if (places.length > MAX_PICTURES) {
    throw invalid(
      "",
      `The body names ${places.length} pictures; there may be ${MAX_PICTURES} in one message. Send several.`,
    );
  }
  return places;
}

function placesOf(object: JsonObject, at: string): IncomingPlace[] {
  const places: IncomingPlace[] = [];
  const { image_url: url, image_urls: urls, image, images } = object;
  if (url !== undefined) places.push(urlPlace(url, `${at}/image_url`));
  for (const [index, one] of listOf(urls, `${at}/image_urls`).entries()) {
    places.push(urlPlace(one, `${at}/image_urls/${index}`));
  }
  if (image !== undefined) places.push(imagePlace(image, `${at}/image`));
  for (const [index, one] of listOf(images, `${at}/images`).entries()) {
    places.push(imagePlace(one, `${at}/images/${index}`));
  }
  return places;
}

function imagePlace(image: unknown, pointer: string): IncomingPlace {
  if (typeof image === "string") return urlPlace(image, pointer);
  const { url, base64 } = isObject(image) ? image : {};
  if ((url === undefined) === (base64 === undefined)) {
    throw invalid(pointer, `${pointer} has neither url nor base64, or both.`);
  }
  if (url !== undefined) return urlPlace(url, `${pointer}/url`);
  const bytes = typeof base64 === "string" ? fromBase64(base64) : null;
  if (bytes === null) {
    throw invalid(`${pointer}/base64`, `${pointer}/base64 is not base64.`);
  }
  return { kind: "bytes", bytes };
}

function urlPlace(url: unknown, pointer: string): IncomingPlace {
  if (typeof url === "string") return { kind: "url", url, pointer };
  throw invalid(pointer, `${pointer} is no address.`);
}

function listOf(value: unknown, pointer: string): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return value as readonly unknown[];
  throw invalid(pointer, `${pointer} is no array.`);
}

/**
 * A body that is a JSON object.
 *
 * @throws FlorenceError `invalid_json`, `invalid_request`.
 */
export function parseObject(body: Uint8Array): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(body),
    );
  } catch (cause) {
    throw new FlorenceError("invalid_json", "The hook's body is not JSON.", {
      cause,
    });
  }
  if (isObject(value)) return value;
  throw invalid("", "The hook's body is JSON, but no object.");
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(pointer: string, detail: string): FlorenceError {
  return new FlorenceError("invalid_request", detail, {
    errors: [{ pointer, detail }],
  });
}
