// The pictures of `test/data/images`, and small changes that break them.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { crc32 } from "node:zlib";

const ROOT = new URL("../../data/images/", import.meta.url);

/** Bytes of a file of `test/data/images/decode`. */
export function picture(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(`decode/${name}`, ROOT)));
}

/** Names of all files of `test/data/images/decode`. */
export function pictureNames(): readonly string[] {
  return readdirSync(new URL("decode/", ROOT)).sort();
}

/** Bytes of a file beside them. */
export function imageData(name: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(new URL(name, ROOT)));
}

/** A JSON file beside them. */
export function imageJson(name: string): unknown {
  return JSON.parse(new TextDecoder().decode(imageData(name)));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A copy with other bytes at `at`. */
export function patched(
  bytes: Uint8Array,
  at: number,
  values: readonly number[],
): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  copy.set(values, at);
  return copy;
}

/** Where a text stands in a file. */
export function find(bytes: Uint8Array, text: string): number {
  return Buffer.from(bytes).indexOf(text, 0, "latin1");
}

/** A copy of a PNG with every checksum made right; anything else as it is. */
export function withChecksums(bytes: Uint8Array): Uint8Array {
  if (bytes[1] !== 0x50) return bytes;
  const copy = Buffer.from(bytes);
  for (let at = 8; at + 12 <= copy.length;) {
    const end = at + 8 + copy.readUInt32BE(at);
    if (end + 4 > copy.length) break;
    copy.writeUInt32BE(crc32(copy.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return copy;
}

/** Latin-1 text as bytes. */
export function ascii(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** A PNG of the given header and IDAT contents, checksums right. */
export function makePng(
  header: {
    readonly width: number;
    readonly height: number;
    readonly depth?: number;
    readonly colorType?: number;
    readonly interlace?: number;
  },
  compressed: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(header.width, 0);
  ihdr.writeUInt32BE(header.height, 4);
  ihdr[8] = header.depth ?? 8;
  ihdr[9] = header.colorType ?? 2;
  ihdr[12] = header.interlace ?? 0;
  return new Uint8Array(
    Buffer.concat([
      Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
      pngChunk("IHDR", ihdr),
      pngChunk("IDAT", compressed),
      pngChunk("IEND", new Uint8Array(0)),
    ]),
  );
}

function pngChunk(type: string, body: Uint8Array): Uint8Array {
  const chunk = Buffer.alloc(12 + body.length);
  chunk.writeUInt32BE(body.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(body, 8);
  chunk.writeUInt32BE(
    crc32(chunk.subarray(4, 8 + body.length)),
    8 + body.length,
  );
  return chunk;
}
