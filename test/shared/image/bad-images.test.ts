// Everything that is not a good picture: each a clear error with its code.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";
import type { ErrorCode } from "../../../src/shared/errors.ts";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import type { ImageLimits } from "../../../src/shared/image/image-limits.ts";
import { ascii, find, makePng, patched, picture } from "./image-data.ts";

const codecs = await loadImageCodecs();

async function refuses(
  bytes: Uint8Array,
  code: ErrorCode,
  message: RegExp,
  limits: Partial<ImageLimits> = {},
): Promise<void> {
  await assert.rejects(decodeImage(bytes, codecs, { limits }), (error) => {
    assert.ok(isFlorenceError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

const jpegSize = (width: number, height: number): Uint8Array => {
  const bytes = picture("photo.jpg");
  const frame = find(bytes, "\xff\xc0");
  return patched(bytes, frame + 5, [height >> 8, height & 255, width >> 8, width & 255]); // prettier-ignore
};
const pngSize = (width: number, height: number): Uint8Array =>
  makePng({ width, height }, deflateSync(new Uint8Array(100)));
const webpSize = (width: number, height: number): Uint8Array => {
  const bytes = picture("orientation-1.webp"); // an extended file
  const [w, h] = [width - 1, height - 1];
  return patched(bytes, 24, [w & 255, (w >> 8) & 255, w >> 16, h & 255, (h >> 8) & 255, h >> 16]); // prettier-ignore
};

test("names both limits for a header that claims 60,000 x 60,000", async () => {
  for (const bytes of [
    jpegSize(60_000, 60_000),
    pngSize(60_000, 60_000),
    webpSize(60_000, 60_000),
  ])
    // prettier-ignore
    await refuses(
      bytes,
      "image_too_large",
      /60,000 x 60,000 pixels \(3600 megapixels\); the limits are 20 MB, 16,000 pixels a side and 100 megapixels/,
    );
});

test("refuses a picture 20,000 pixels wide", async () => {
  for (const bytes of [
    jpegSize(20_000, 100),
    pngSize(20_000, 100),
    webpSize(20_000, 100),
  ])
    // prettier-ignore
    await refuses(bytes, "image_too_large", /20,000 x 100 pixels/);
});

test("judges the size before the checksum, and so before the pixels", async () => {
  const png = patched(picture("photo.png"), 16, [0, 0, 0xea, 0x60]);
  await refuses(png, "image_too_large", /60,000 x 120 pixels/);
});

test("refuses too many pixels even where both sides are allowed", async () => {
  await refuses(
    jpegSize(15_000, 15_000),
    "image_too_large",
    /225 megapixels.*100 megapixels/,
  );
});

test("refuses too many bytes, with both sizes", async () => {
  await refuses(
    new Uint8Array(31_200_000),
    "image_too_large",
    /31\.2 MB; the limits are 20 MB/,
  );
  await refuses(picture("photo.jpg"), "image_too_large", /0\.01 MB/, {
    maxBytes: 5000,
  });
});

test("refuses a picture of one pixel", async () => {
  const png = makePng(
    { width: 1, height: 1 },
    deflateSync(new Uint8Array([0, 1, 2, 3])),
  );
  await refuses(png, "image_too_small", /1 x 1 pixels; each side must have at least 50/); // prettier-ignore
  await refuses(jpegSize(1, 1), "image_too_small", /1 x 1/);
  const { image } = await decodeImage(png, codecs, { limits: { minSide: 1 } });
  assert.deepEqual([...image.data], [1, 2, 3]);
});

test("refuses what states no size", async () => {
  await refuses(jpegSize(0, 100), "image_undecodable", /width or height of 0/);
  await refuses(pngSize(100, 0), "image_undecodable", /width or height of 0/);
});

test("says that an empty file is empty", async () => {
  await refuses(new Uint8Array(0), "image_undecodable", /empty \(0 bytes\)/);
});

test("says that a file is cut off, wherever it is cut", async () => {
  for (const name of [
    "photo.jpg",
    "progressive-420.jpg",
    "grey.jpg",
    "cmyk.jpg",
    "photo.png",
    "rgb-8-interlaced.png",
    "photo.webp",
    "lossless.webp",
    "animated.webp",
  ]) {
    // prettier-ignore
    const bytes = picture(name);
    for (const share of [0.2, 0.5, 0.8, 0.95]) {
      if (name === "animated.webp" && share > 0.2) continue; // the first frame is whole
      const part = bytes.subarray(0, Math.trunc(bytes.length * share));
      await refuses(part, "image_undecodable", /cut off|ends before|damaged|no pixels|without a frame/); // prettier-ignore
    }
  }
});

test("says that a header alone is no picture", async () => {
  for (const name of ["photo.jpg", "photo.png", "photo.webp"])
    await refuses(picture(name).subarray(0, 12), "image_undecodable", /ends before/); // prettier-ignore
  await refuses(picture("photo.png").subarray(0, 40), "image_undecodable", /no pixels/); // prettier-ignore
});

test("says that a picture is damaged", async () => {
  const garbage = Array.from({ length: 300 }, (_, index) => (index * 73) & 127);
  const jpeg = picture("photo.jpg");
  await refuses(patched(jpeg, jpeg.length >> 1, garbage), "image_undecodable", /damaged/); // prettier-ignore
  const png = picture("photo.png");
  await refuses(patched(png, png.length >> 1, garbage), "image_undecodable", /checksum of its IDAT/); // prettier-ignore
  const webp = picture("photo.webp");
  await refuses(patched(webp, 20, garbage), "image_undecodable", /WebP/);
});

test("refuses a JPEG of more scans or pixels than its bytes allow", async () => {
  const bytes = picture("progressive-420.jpg");
  const at = Buffer.from(bytes).lastIndexOf("\xff\xda", undefined, "latin1");
  const scan = bytes.subarray(at, -2);
  const copies = Array.from({ length: 200 }, () => scan);
  const many = Buffer.concat([bytes.subarray(0, -2), ...copies, ascii("\xff\xd9")]); // prettier-ignore
  await refuses(many, "image_undecodable", /210 scans; 50 are read/);
  await refuses(jpegSize(9000, 9000), "image_undecodable", /cannot hold/);
});

test("refuses a PNG of more pixels than its bytes can hold", async () => {
  await refuses(pngSize(9000, 9000), "image_undecodable", /cannot hold/);
});

test("refuses a PNG whose rows are missing, unknown or not compressed", async () => {
  const size = { width: 60, height: 60 };
  const rows = new Uint8Array(60 * 181);
  const short = makePng(size, deflateSync(rows.subarray(181)));
  await refuses(short, "image_undecodable", /cut off/);
  const filter = makePng(size, deflateSync(patched(rows, 181, [9])));
  await refuses(filter, "image_undecodable", /row filter 9/);
  await refuses(makePng(size, rows), "image_undecodable", /not valid/);
  await refuses(makePng({ ...size, depth: 3 }, rows), "image_undecodable", /color type 2 at 3 bits/); // prettier-ignore
  await refuses(makePng({ ...size, colorType: 3 }, rows), "image_undecodable", /no palette/); // prettier-ignore
});

test("names what it is that cannot be read, and what to convert it to", async () => {
  const gif = ascii("GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff");
  const frame = ascii("!\xf9\x04\0\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0"); // prettier-ignore
  const ftyp = (brand: string): Uint8Array =>
    ascii(`\0\0\0\x1cftyp${brand}\0\0\0\0mif1miaf....`);
  const cases: readonly (readonly [Uint8Array, RegExp])[] = [
    [Buffer.concat([gif, frame, frame, ascii(";")]), /an animated GIF \(image\/gif\).*PNG or JPEG/], // prettier-ignore
    [Buffer.concat([gif, frame, ascii(";")]), /are a GIF \(image\/gif\)/],
    [ascii('<?xml version="1.0"?>\n<svg xmlns="">'), /an SVG.*PNG/],
    [ascii(" <svg width='1'>"), /an SVG drawing \(image\/svg\+xml\)/],
    [ascii("<!DOCTYPE html><html><svg>"), /an HTML page.*the picture itself/],
    [ascii("\xef\xbb\xbf\n<html>"), /an HTML page \(text\/html\)/],
    [ftyp("heic"), /a HEIC \(image\/heic\).*Convert it to JPEG or PNG/],
    [ftyp("avif"), /an AVIF \(image\/avif\).*Convert it to JPEG or PNG/],
    [ftyp("mif1"), /a HEIF/],
    [ftyp("isom"), /video/],
    [ascii("BM\x46\0\0\0\0\0\0\0\x36\0\0\0"), /a BMP/],
    [ascii("II*\0\x08\0\0\0"), /a TIFF/],
    [ascii("MM\0*\0\0\0\x08"), /a TIFF/],
    [ascii("%PDF-1.7\n"), /a PDF document.*page/],
    [ascii('{"error": "not found"}'), /a JSON document/],
    [ascii("data:image/png;base64,AAAA"), /data: URL/],
    [ascii("\xff\x0a"), /JPEG XL/],
    [ascii("x"), /no kind of file that is known here \(application\/octet-stream\)/], // prettier-ignore
    [new Uint8Array(1000), /no kind of file/],
  ];
  for (const [bytes, message] of cases)
    await refuses(bytes, "unsupported_media_type", message);
});

test("goes on decoding after all of it", async () => {
  for (const name of ["photo.jpg", "photo.png", "photo.webp"])
    assert.deepEqual((await decodeImage(picture(name), codecs)).size, {
      width: 160,
      height: 120,
    });
});
