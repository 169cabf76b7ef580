// JPEG by libjpeg-turbo, compiled to WebAssembly (`@cwasm/jpeg-turbo`), driven
// through its TurboJPEG interface (turbojpeg.h, version 2).

import { FlorenceError } from "../errors.ts";
import { undecodable } from "./image-header.ts";
import type { JpegHeader } from "./jpeg-header.ts";
import type { RgbImage } from "./rgb-image.ts";

/**
 * When a JPEG is decoded below its full size; every eighth is possible.
 *
 * A reduced JPEG has less detail to resize from. Measured on the resized
 * picture, levels of 255 (40 photos, small and sharp; six of 12 megapixels,
 * enlarged): with `minSide` as the model's side 2.3 and 0.4 on average; with
 * twice that 1.1 and 0.5.
 */
export interface JpegScaling {
  /** Pictures of more pixels than this are decoded smaller. */
  readonly abovePixels: number;
  /** The shorter side keeps at least this many pixels. */
  readonly minSide: number;
}

/** Formats of pixels and of stored colors (turbojpeg.h: TJPF_*). */
const TJPF_RGB = 0;
const TJPF_CMYK = 11;

/**
 * A progressive file may repeat scans at a few bytes each, and each costs a
 * pass over the whole picture. Encoders write about ten.
 */
const MAX_SCANS = 50;

/** No entropy code spends less than one bit on a block of 64 pixels. */
const MAX_PIXELS_PER_BYTE = 512;

/**
 * Warnings after which the picture is whole: what cameras get wrong around the
 * pixels, and a few spare bytes. After all others, pixels were made up; damage
 * that puts the data out of step leaves some 30 bytes over, or more.
 */
const HARMLESS =
  /: ([0-9]|1[0-6]) extraneous bytes|unknown JFIF|Adobe color transform|progression sequence|bad ICC/;

/**
 * Decodes a JPEG: baseline or progressive, grey, YCbCr, RGB, CMYK or YCCK.
 *
 * Each call runs in an instance of its own: the library cannot go on after an
 * error, a hostile file can spoil no memory but its own, and the memory goes
 * back. Peak: the file, 6 bytes a decoded pixel (7 for CMYK), and for a
 * progressive file 6 more for each pixel of the full size.
 *
 * @param header what `readJpegHeader` read from the same `bytes`.
 * @param scaling "off" decodes at full size.
 * @returns pixels as stored, orientation not applied. CMYK becomes RGB as in
 *   Pillow's `Convert.c`, with Adobe's inversion assumed.
 * @throws FlorenceError `image_undecodable` for a file that is cut off or damaged.
 */
export function decodeJpeg(
  bytes: Uint8Array,
  header: JpegHeader,
  module: WebAssembly.Module,
  scaling: JpegScaling | "off",
): RgbImage {
  checkPlausible(bytes, header);
  const { width, height } = scaledSize(header, scaling);
  const channels = header.components === 4 ? 4 : 3;
  const turbo = instantiate(module);

  const input = allocate(turbo, bytes.length, width * height);
  new Uint8Array(turbo.memory.buffer).set(bytes, input);
  const output = allocate(turbo, width * height * channels, width * height);
  const status = decompress(turbo, header, {
    input,
    length: bytes.length,
    output,
    width,
    height,
    channels,
  });
  // A fatal error throws; -1 is a warning, and the pixels are there.
  if (status !== 0) {
    const message = turbo.lastMessage();
    if (!HARMLESS.test(message)) throw undecodable("JPEG", `is damaged or cut off (${message})`); // prettier-ignore
  }

  const pixels = new Uint8Array(turbo.memory.buffer, output, width * height * channels); // prettier-ignore
  const data = channels === 4 ? invertedCmykToRgb(pixels) : pixels.slice();
  return { width, height, data };
}

/**
 * The size a JPEG is decoded at: the smallest number of eighths whose shorter
 * side is at least `minSide`; full size up to `abovePixels`.
 */
export function scaledSize(
  size: { readonly width: number; readonly height: number },
  scaling: JpegScaling | "off",
): { readonly width: number; readonly height: number } {
  const { width, height } = size;
  if (scaling === "off" || width * height <= scaling.abovePixels)
    return { width, height };
  const eighths = (side: number, n: number): number => Math.ceil((side * n) / 8); // prettier-ignore
  let n = 8;
  while (n > 1 && eighths(Math.min(width, height), n - 1) >= scaling.minSide)
    n -= 1;
  return { width: eighths(width, n), height: eighths(height, n) };
}

function checkPlausible(bytes: Uint8Array, header: JpegHeader): void {
  const { width, height, scans, isComplete } = header;
  if (!isComplete)
    throw undecodable("JPEG", "is cut off: its end marker is missing");
  if (width * height > bytes.length * MAX_PIXELS_PER_BYTE)
    throw undecodable("JPEG", `states ${width} x ${height} pixels, which ${bytes.length} bytes cannot hold`); // prettier-ignore
  if (scans > MAX_SCANS)
    throw undecodable("JPEG", `has ${scans} scans; ${MAX_SCANS} are read`);
}

/** The library's exports, and its last message. */
interface TurboJpeg {
  readonly memory: WebAssembly.Memory;
  malloc(bytes: number): number;
  tjInitDecompress(): number;
  tjDecompressHeader3(handle: number, input: number, length: number, width: number, height: number, subsampling: number, colorspace: number): number; // prettier-ignore
  tjDecompress2(handle: number, input: number, length: number, output: number, width: number, pitch: number, height: number, format: number, flags: number): number; // prettier-ignore
  lastMessage(): string;
}

function instantiate(module: WebAssembly.Module): TurboJpeg {
  const trap = (name: string) => (): never => {
    throw new Error(`libjpeg-turbo called ${name}`);
  };
  const instance = new WebAssembly.Instance(module, {
    env: { setjmp: () => 0, longjmp: trap("longjmp") },
    wasi_snapshot_preview1: {
      environ_sizes_get: () => 0,
      environ_get: trap("environ_get"),
      proc_exit: trap("proc_exit"),
      fd_close: trap("fd_close"),
      fd_seek: trap("fd_seek"),
      fd_write: trap("fd_write"),
    },
  });
  const turbo = instance.exports as unknown as TurboJpeg;
  // `tjGetErrorStr` is not exported, but the buffer it reads (turbojpeg.c:
  // `errStr`) holds this text until the first message. It is the last one of
  // its kind: constants lie before variables.
  const at = lastIndexOfText(new Uint8Array(turbo.memory.buffer), "No error\0");
  const lastMessage = (): string =>
    at < 0 ? "" : readText(new Uint8Array(turbo.memory.buffer), at);
  return { ...turbo, lastMessage };
}

function decompress(
  turbo: TurboJpeg,
  header: JpegHeader,
  job: {
    readonly input: number;
    readonly length: number;
    readonly output: number;
    readonly width: number;
    readonly height: number;
    readonly channels: 3 | 4;
  },
): number {
  const { input, length, output, width, height, channels } = job;
  try {
    const handle = turbo.tjInitDecompress();
    const meta = turbo.malloc(16);
    new Uint32Array(turbo.memory.buffer, meta, 4).fill(0);
    // Its status is no use here: it is -1 for subsamplings that decode well.
    turbo.tjDecompressHeader3(handle, input, length, meta, meta + 4, meta + 8, meta + 12); // prettier-ignore
    const [fullWidth, fullHeight] = new Uint32Array(turbo.memory.buffer, meta, 2); // prettier-ignore
    if (fullWidth !== header.width || fullHeight !== header.height)
      throw undecodable("JPEG", "states two different sizes");
    const format = channels === 4 ? TJPF_CMYK : TJPF_RGB;
    return turbo.tjDecompress2(handle, input, length, output, width, width * channels, height, format, 0); // prettier-ignore
  } catch (cause) {
    if (cause instanceof FlorenceError) throw cause;
    throw undecodable("JPEG", `cannot be decoded (${turbo.lastMessage()})`, cause); // prettier-ignore
  }
}

function allocate(turbo: TurboJpeg, bytes: number, pixels: number): number {
  const at = turbo.malloc(bytes);
  if (at !== 0) return at;
  throw new FlorenceError(
    "image_too_large",
    `The JPEG has ${pixels} pixels to decode, and there is not enough memory for them. Resize it and send it again.`,
  );
}

/** `pixels` hold 255 - C, M, Y, K: see `cmyk2rgb` in Pillow's `Convert.c`. */
function invertedCmykToRgb(pixels: Uint8Array): Uint8Array {
  const count = pixels.length / 4;
  const data = new Uint8Array(count * 3); // [H * W * 3]
  for (let index = 0; index < count; index += 1) {
    const white = pixels[4 * index + 3]!;
    for (let channel = 0; channel < 3; channel += 1) {
      // Pillow's MULDIV255: a * b / 255, rounded, without a division.
      const product = (255 - pixels[4 * index + channel]!) * white + 128;
      data[3 * index + channel] = white - (((product >> 8) + product) >> 8);
    }
  }
  return data;
}

function lastIndexOfText(memory: Uint8Array, text: string): number {
  const codes = Array.from(text, (letter) => letter.charCodeAt(0));
  let at = memory.length;
  do at = memory.lastIndexOf(codes[0]!, at - 1);
  while (at > 0 && codes.some((code, index) => memory[at + index] !== code));
  return at;
}

function readText(memory: Uint8Array, at: number): string {
  const end = Math.min(memory.indexOf(0, at), at + 200);
  return String.fromCharCode(...memory.subarray(at, end));
}
