// The files that `build.ts` writes and a page is served: the page's own script
// finds the others beside it.

import type { ImageCodecs } from "../shared/image/decode-image.ts";
import type { KernelModules } from "../shared/model/edge/kernels.ts";
import { fetchFile } from "./fetched-bundle.ts";

/** Names of the scripts, beside the page's own `florence.js`. */
export const SCRIPTS = {
  page: "florence.js",
  worker: "florence-worker.js",
  thread: "florence-thread.js",
  onnx: "florence-onnx.js",
} as const;

/** Where the kernels lie: for memory of one thread, and for shared memory. */
export const KERNEL_FOLDERS = {
  own: "kernels",
  shared: "kernels/shared",
} as const;

/** ONNX Runtime's WebAssembly, with its WebGPU provider. */
export const RUNTIME_FILE = "ort-wasm-simd-threaded.asyncify.wasm";

/** The decoders' files. */
export const CODEC_FILES = {
  jpegTurbo: "jpeg-turbo.wasm",
  webp: "webp_dec.wasm",
} as const satisfies Record<keyof ImageCodecs, string>;

/**
 * Compiles the kernels' modules.
 *
 * A variant that this browser cannot compile (no relaxed SIMD) stays bytes:
 * `openKernels` tries it, is refused, and takes the next one.
 *
 * @param assets the folder of built files, with a slash at its end.
 * @throws FlorenceError `engine_unavailable` if a file is not there.
 */
export async function fetchKernelModules(
  assets: string,
  kind: keyof typeof KERNEL_FOLDERS,
): Promise<KernelModules> {
  const read = async (variant: string): Promise<Uint8Array<ArrayBuffer>> =>
    await fetchFile(`${KERNEL_FOLDERS[kind]}/${variant}.wasm`, assets);
  const [dot, pair, plain] = await Promise.all([
    read("dot"),
    read("pair"),
    read("plain"),
  ]);
  return { dot, pair, plain };
}

/**
 * Compiles the decoders of JPEG and WebP.
 *
 * @throws FlorenceError `engine_unavailable` if a file is not there.
 */
export async function fetchImageCodecs(assets: string): Promise<ImageCodecs> {
  const compile = async (file: string): Promise<WebAssembly.Module> =>
    await WebAssembly.compile(await fetchFile(file, assets));
  const [jpegTurbo, webp] = await Promise.all([
    compile(CODEC_FILES.jpegTurbo),
    compile(CODEC_FILES.webp),
  ]);
  return { jpegTurbo, webp };
}
