// The image decoders' WebAssembly, compiled from the installed packages.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { ImageCodecs } from "../shared/image/decode-image.ts";

/** Compiles both decoders; about 0.3 MB is read. Call it once and keep the answer. */
export async function loadImageCodecs(): Promise<ImageCodecs> {
  const [jpegTurbo, webp] = await Promise.all([
    compile("@cwasm/jpeg-turbo/jpeg-turbo.wasm"),
    compile("@jsquash/webp/codec/dec/webp_dec.wasm"),
  ]);
  return { jpegTurbo, webp };
}

async function compile(specifier: string): Promise<WebAssembly.Module> {
  const path = fileURLToPath(import.meta.resolve(specifier));
  return WebAssembly.compile(await readFile(path));
}
