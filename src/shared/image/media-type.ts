// What a file is, told by its first bytes; its name and its Content-Type are
// never asked.

/** Media types that `decodeImage` takes. */
export const IMAGE_MEDIA_TYPES = [
  "image/jpeg",
  "image/png",
  "image/webp",
] as const;

export type ImageMediaType = (typeof IMAGE_MEDIA_TYPES)[number];

/** What the first bytes say. */
export interface RecognizedFile {
  /** `application/octet-stream` where nothing is recognized. */
  readonly mediaType: string;
  /** For a sentence: `a JPEG`, `an animated GIF`, `an HTML page`. */
  readonly description: string;
}

/**
 * Recognizes a file by its content.
 *
 * Signatures: the WHATWG MIME Sniffing Standard, ISO/IEC 14496-12 (`ftyp`
 * brands), RFC 9649 (WebP), TIFF 6.0, the PNG specification.
 *
 * @returns also the kinds that cannot be decoded, so that a refusal can name them.
 */
export function recognizeFile(bytes: Uint8Array): RecognizedFile {
  const binary = recognizeBinary(bytes);
  if (binary !== undefined) return binary;
  return (
    recognizeText(bytes) ?? {
      mediaType: "application/octet-stream",
      description: "no kind of file that is known here",
    }
  );
}

/** True for the three media types that `decodeImage` takes. */
export function isImageMediaType(value: string): value is ImageMediaType {
  return (IMAGE_MEDIA_TYPES as readonly string[]).includes(value);
}

const SIGNATURES: readonly (readonly [string, string, string])[] = [
  // [first bytes as Latin-1, media type, description]
  ["\xff\xd8\xff", "image/jpeg", "a JPEG"],
  ["\x89PNG\r\n\x1a\n", "image/png", "a PNG"],
  ["II*\0", "image/tiff", "a TIFF"],
  ["MM\0*", "image/tiff", "a TIFF"],
  ["II+\0", "image/tiff", "a BigTIFF"],
  ["MM\0+", "image/tiff", "a BigTIFF"],
  ["%PDF-", "application/pdf", "a PDF document"],
  ["\0\0\x01\0", "image/x-icon", "an icon file (ICO)"],
  ["\xff\x0a", "image/jxl", "a JPEG XL"],
  ["\0\0\0\x0cJXL ", "image/jxl", "a JPEG XL"],
  ["\0\0\0\x0cjP  ", "image/jp2", "a JPEG 2000"],
  ["8BPS", "image/vnd.adobe.photoshop", "a Photoshop document"],
  ["PK\x03\x04", "application/zip", "a ZIP archive"],
  ["\x1f\x8b", "application/gzip", "gzip-compressed data"],
  ["\x1aE\xdf\xa3", "video/webm", "a Matroska or WebM video"],
];

function recognizeBinary(bytes: Uint8Array): RecognizedFile | undefined {
  for (const [signature, mediaType, description] of SIGNATURES)
    if (startsWith(bytes, signature)) return { mediaType, description };

  if (startsWith(bytes, "RIFF") && startsWith(bytes, "WEBP", 8))
    return { mediaType: "image/webp", description: "a WebP" };
  if (startsWith(bytes, "GIF87a") || startsWith(bytes, "GIF89a")) {
    const animated = countGifFrames(bytes, 2) > 1;
    const description = animated ? "an animated GIF" : "a GIF";
    return { mediaType: "image/gif", description };
  }
  // "BM", then the file's length, and two reserved words that are zero.
  if (startsWith(bytes, "BM") && startsWith(bytes, "\0\0\0\0", 6))
    return { mediaType: "image/bmp", description: "a BMP" };
  if (startsWith(bytes, "ftyp", 4)) return recognizeFtyp(bytes);
  return undefined;
}

/** ISO base media: the major brand, or else the first compatible one we know. */
function recognizeFtyp(bytes: Uint8Array): RecognizedFile {
  const end = Math.min(bytes.length, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), 256); // prettier-ignore
  for (let at = 8; at + 4 <= end; at += 4) {
    if (at === 12) continue; // the minor version
    const brand = latin1(bytes, at, at + 4);
    if (brand === "avif" || brand === "avis")
      return { mediaType: "image/avif", description: "an AVIF" };
    if (/^(hei[cmxs]|hev[cmxs])$/.test(brand))
      return { mediaType: "image/heic", description: "a HEIC" };
    if (/^(qt {2}|isom|iso[2-9]|mp4[12]|M4V |avc1)$/.test(brand))
      return { mediaType: "video/mp4", description: "an MP4 or QuickTime video" }; // prettier-ignore
  }
  return { mediaType: "image/heif", description: "a HEIF" };
}

function recognizeText(bytes: Uint8Array): RecognizedFile | undefined {
  const head = latin1(bytes, 0, Math.min(bytes.length, 1024));
  const text = head
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart()
    .toLowerCase();
  if (/^(<\?xml|<!--|<!doctype svg|<svg)/.test(text) && text.includes("<svg"))
    return { mediaType: "image/svg+xml", description: "an SVG drawing" };
  if (/^<(!doctype html|html|head|body|script|!--|title|meta)/.test(text))
    return { mediaType: "text/html", description: "an HTML page" };
  if (text.startsWith("<?xml"))
    return { mediaType: "application/xml", description: "an XML document" };
  if (/^[{[]\s*["{[\]}]/.test(text))
    return { mediaType: "application/json", description: "a JSON document" };
  if (/^data:image\//.test(text))
    return { mediaType: "text/plain", description: "a data: URL, as text" };
  return undefined;
}

/** Walks a GIF's blocks until `enough` images were met or the file ends. */
function countGifFrames(bytes: Uint8Array, enough: number): number {
  const colorTable = (flags: number): number =>
    (flags & 0x80) === 0 ? 0 : 3 << ((flags & 7) + 1);
  let at = 13 + colorTable(bytes[10] ?? 0);
  let frames = 0;
  while (at < bytes.length && frames < enough) {
    const block = bytes[at];
    if (block === 0x2c) {
      frames += 1;
      at += 11 + colorTable(bytes[at + 9] ?? 0);
    } else if (block === 0x21) at += 2;
    else break;
    while ((bytes[at] ?? 0) !== 0) at += 1 + bytes[at]!; // sub-blocks
    at += 1;
  }
  return frames;
}

function startsWith(bytes: Uint8Array, signature: string, from = 0): boolean {
  for (let at = 0; at < signature.length; at += 1)
    if (bytes[from + at] !== signature.charCodeAt(at)) return false;
  return true;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}
