// WebP by libwebp, compiled to WebAssembly (`@jsquash/webp`).

import createWebpDecoder from "@jsquash/webp/codec/dec/webp_dec.js";
import { undecodable } from "./image-header.ts";
import type { RgbImage } from "./rgb-image.ts";
import type { WebpFrame, WebpHeader } from "./webp-header.ts";

/** What the Emscripten glue makes; `data` is R G B A, not premultiplied. */
interface WebpDecoder {
  decode(bytes: Uint8Array): {
    readonly data: Uint8ClampedArray;
    readonly width: number;
    readonly height: number;
  } | null;
}

/** The glue's factory, with the options that keep it from fetching anything. */
type CreateWebpDecoder = (options: {
  readonly noInitialRun: true;
  readonly locateFile: (file: string) => string;
  readonly instantiateWasm: (
    imports: WebAssembly.Imports,
    receive: (instance: WebAssembly.Instance) => void,
  ) => WebAssembly.Exports;
  readonly print: () => void;
  readonly printErr: () => void;
}) => Promise<WebpDecoder>;

/**
 * Decodes a WebP: lossy, lossless, with alpha (dropped), or an animation's
 * first frame on its black canvas.
 *
 * Each call runs in an instance of its own, as in `decodeJpeg`. Peak: the file
 * twice and 11 bytes a pixel.
 *
 * @param header what `readWebpHeader` read from the same `bytes`.
 * @returns pixels as stored, orientation not applied.
 * @throws FlorenceError `image_undecodable` for a file that is cut off or damaged.
 */
export async function decodeWebp(
  bytes: Uint8Array,
  header: WebpHeader,
  module: WebAssembly.Module,
): Promise<RgbImage> {
  const { firstFrame } = header;
  if (firstFrame === null) {
    const image = await decodeStill(bytes, module);
    if (image.width === header.width && image.height === header.height)
      return image;
    throw undecodable("WebP", "states two different sizes");
  }
  const { x, y, width, height } = firstFrame;
  if (x + width > header.width || y + height > header.height)
    throw undecodable("WebP", "has a first frame that leaves its canvas");
  const frame = await decodeStill(stillFromFrame(firstFrame), module);
  return paste(frame, x, y, header);
}

async function decodeStill(
  bytes: Uint8Array,
  module: WebAssembly.Module,
): Promise<RgbImage> {
  const create = createWebpDecoder as unknown as CreateWebpDecoder;
  let decoded: ReturnType<WebpDecoder["decode"]>;
  try {
    const decoder = await create({
      noInitialRun: true,
      locateFile: (file) => file,
      instantiateWasm: (imports, receive) => {
        const instance = new WebAssembly.Instance(module, imports);
        receive(instance);
        return instance.exports;
      },
      print: () => undefined,
      printErr: () => undefined,
    });
    decoded = decoder.decode(bytes);
  } catch (cause) {
    throw undecodable("WebP", "cannot be decoded", cause);
  }
  if (decoded === null) throw undecodable("WebP", "is damaged or cut off");
  const { width, height, data } = decoded;
  return { width, height, data: dropAlpha(data) };
}

function dropAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const data = new Uint8Array((rgba.length / 4) * 3); // [H * W * 3]
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from]!;
    data[to + 1] = rgba[from + 1]!;
    data[to + 2] = rgba[from + 2]!;
  }
  return data;
}

/** A frame's chunks as a file of their own (RFC 9649, section 2.7). */
function stillFromFrame(frame: WebpFrame): Uint8Array {
  const file = new Uint8Array(30 + frame.chunks.length);
  const view = new DataView(file.buffer);
  const text = (at: number, word: string): void => {
    for (let index = 0; index < 4; index += 1)
      file[at + index] = word.charCodeAt(index);
  };
  text(0, "RIFF");
  view.setUint32(4, file.length - 8, true);
  text(8, "WEBP");
  text(12, "VP8X");
  view.setUint32(16, 10, true);
  file[20] = 0x10; // there may be alpha
  view.setUint32(24, (frame.width - 1) & 0xffffff, true);
  file[27] = (frame.height - 1) & 0xff;
  view.setUint16(28, (frame.height - 1) >> 8, true);
  file.set(frame.chunks, 30);
  return file;
}

function paste(
  frame: RgbImage,
  x: number,
  y: number,
  canvas: { readonly width: number; readonly height: number },
): RgbImage {
  const { width, height } = canvas;
  if (frame.width === width && frame.height === height) return frame;
  const data = new Uint8Array(width * height * 3);
  const rowBytes = frame.width * 3;
  for (let row = 0; row < frame.height; row += 1)
    data.set(
      frame.data.subarray(row * rowBytes, (row + 1) * rowBytes),
      ((y + row) * width + x) * 3,
    );
  return { width, height, data };
}
