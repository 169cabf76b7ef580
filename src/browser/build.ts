// Builds what a page is served: scripts and the WebAssembly that they fetch.
//
//   npm run build:browser -- [FOLDER]      dist/browser if left out

import { cp, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import {
  CODEC_FILES,
  KERNEL_FOLDERS,
  RUNTIME_FILE,
  SCRIPTS,
} from "./built-files.ts";

const HERE = import.meta.dirname;

/** Sources of the scripts. */
const ENTRIES = {
  [SCRIPTS.page]: "index.ts",
  [SCRIPTS.worker]: "worker.ts",
  [SCRIPTS.thread]: "thread.ts",
  [SCRIPTS.onnx]: "onnx-sessions.ts",
} as const;

/** Where a decoder's file is installed. */
const CODEC_SOURCES = {
  jpegTurbo: "@cwasm/jpeg-turbo/jpeg-turbo.wasm",
  webp: "@jsquash/webp/codec/dec/webp_dec.wasm",
} as const satisfies Record<keyof typeof CODEC_FILES, string>;

/**
 * Writes the files into `folder`, which is emptied first.
 *
 * @throws what esbuild says if a script does not build.
 */
export async function buildBrowser(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const [script, source] of Object.entries(ENTRIES)) {
    await build({
      entryPoints: [join(HERE, source)],
      outfile: join(folder, script),
      ...{ bundle: true, minify: true, format: "esm", platform: "browser" },
      target: "es2024",
      logLevel: "warning",
    });
  }
  await cp(join(HERE, "../kernels/built"), join(folder, KERNEL_FOLDERS.own), {
    recursive: true,
  });
  for (const [codec, source] of Object.entries(CODEC_SOURCES)) {
    const file = CODEC_FILES[codec as keyof typeof CODEC_FILES];
    await copyInstalled(source, join(folder, file));
  }
  await copyInstalled(
    `onnxruntime-web/${RUNTIME_FILE}`,
    join(folder, RUNTIME_FILE),
  );
}

/** Copies a file of an installed package. */
async function copyInstalled(specifier: string, to: string): Promise<void> {
  await cp(fileURLToPath(import.meta.resolve(specifier)), to);
}

if (import.meta.main) {
  const root = dirname(dirname(HERE));
  const folder = process.argv[2] ?? join(root, "dist/browser");
  await buildBrowser(folder);
  console.log(`${folder}: serve it beside a page, see docs/browser.md`);
}
