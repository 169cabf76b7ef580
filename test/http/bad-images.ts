// Files that are no pictures, or no good ones, and the problem each must give.
// Made here, byte by byte, so that nobody has to trust a stored bomb.

import { readFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import type { ErrorCode } from "../../src/shared/errors.ts";

export interface BadImage {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** What the sender claims it is. */
  readonly contentType: string;
  readonly status: number;
  readonly code: ErrorCode;
}

/** A good photo, 18 kB. */
export const PHOTO = readBytes("../golden/photos/boat.jpg");

/** The same photo as PNG. */
export const PHOTO_PNG = readBytes("../golden/photos/boat.png");

/** Every bad input the service is known to meet. */
export const BAD_IMAGES: readonly BadImage[] = [
  bad("a truncated JPEG", PHOTO.slice(0, 6000), 422, "image_undecodable"),
  bad("a JPEG cut off in its header", PHOTO.slice(0, 100), 422, "image_undecodable"), // prettier-ignore
  bad("a corrupt JPEG", scrambled(PHOTO), 422, "image_undecodable"),
  bad("a truncated PNG", PHOTO_PNG.slice(0, 20_000), 422, "image_undecodable"),
  bad("a corrupt PNG", scrambled(PHOTO_PNG), 422, "image_undecodable"),
  bad("a file of no bytes", new Uint8Array(0), 422, "image_undecodable"),
  bad("a picture of one pixel", png(1, 1), 422, "image_too_small"),
  bad("a picture 20,000 pixels wide", jpegOfSize(20_000, 300), 413, "image_too_large"), // prettier-ignore
  bad("a PNG that claims 60,000 x 60,000", png(60_000, 60_000), 413, "image_too_large"), // prettier-ignore
  bad("a JPEG that claims 60,000 x 60,000", jpegOfSize(60_000, 60_000), 413, "image_too_large"), // prettier-ignore
  bad("HTML named .jpg", text("<!DOCTYPE html><html><body>404</body></html>"), 415, "unsupported_media_type"), // prettier-ignore
  bad("an animated GIF", animatedGif(), 415, "unsupported_media_type"),
  bad("an SVG", text('<svg xmlns="http://www.w3.org/2000/svg"/>'), 415, "unsupported_media_type"), // prettier-ignore
  bad("a HEIC", ftyp("heic"), 415, "unsupported_media_type"),
  bad("an AVIF", ftyp("avif"), 415, "unsupported_media_type"),
  bad("random bytes", randomBytes(4096), 415, "unsupported_media_type"),
];

function bad(
  name: string,
  bytes: Uint8Array<ArrayBuffer>,
  status: number,
  code: ErrorCode,
): BadImage {
  return { name, bytes, contentType: "image/jpeg", status, code };
}

function readBytes(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(path, import.meta.url)));
}

function text(content: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(content);
}

/** The second half overwritten with noise, the header whole. */
function scrambled(good: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(good);
  const noise = randomBytes(bytes.length >> 1);
  bytes.set(noise, bytes.length - noise.length);
  return bytes;
}

/** A PNG whose header says so; its pixels are one short row. */
function png(width: number, height: number): Uint8Array<ArrayBuffer> {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB
  const chunk = (type: string, body: Uint8Array): Buffer => {
    const named = Buffer.concat([Buffer.from(type), body]);
    const whole = Buffer.alloc(named.length + 8);
    whole.writeUInt32BE(body.length, 0);
    whole.set(named, 4);
    whole.writeUInt32BE(crc32(named), named.length + 4);
    return whole;
  };
  return new Uint8Array(
    Buffer.concat([
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      chunk("IHDR", header),
      chunk("IDAT", deflateSync(Buffer.alloc(4))),
      chunk("IEND", Buffer.alloc(0)),
    ]),
  );
}

/** The photo, its frame header claiming another size. */
function jpegOfSize(width: number, height: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(PHOTO);
  const frame = bytes.findIndex(
    (byte, at) => byte === 0xff && [0xc0, 0xc2].includes(bytes[at + 1]!),
  );
  const view = new DataView(bytes.buffer);
  view.setUint16(frame + 5, height);
  view.setUint16(frame + 7, width);
  return bytes;
}

function animatedGif(): Uint8Array<ArrayBuffer> {
  const frame = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
  return new Uint8Array([
    ...Buffer.from("GIF89a"),
    ...[1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255],
    ...frame,
    ...frame,
    0x3b,
  ]);
}

/** An ISO media file of a brand, with nothing in it. */
function ftyp(brand: string): Uint8Array<ArrayBuffer> {
  const box = Buffer.from(`\0\0\0\x18ftyp${brand}\0\0\0\0mif1${brand}`);
  return new Uint8Array(Buffer.concat([box, Buffer.alloc(64)]));
}

/** Noise that is the same in every run. */
function randomBytes(length: number): Uint8Array<ArrayBuffer> {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 24;
  });
}
