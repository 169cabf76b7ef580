// The kernels' modules, as they lie in the package.

import { readFile } from "node:fs/promises";
import type { KernelModules } from "../shared/model/edge/kernels.ts";

const BUILT = new URL("../kernels/built/", import.meta.url);

/** Reads the built kernels, for `openModel` and `openEdgeModel`. */
export async function readKernelModules(): Promise<KernelModules> {
  const read = (variant: string): Promise<Uint8Array<ArrayBuffer>> =>
    readFile(new URL(`${variant}.wasm`, BUILT));
  const [dot, pair, plain] = await Promise.all([
    read("dot"),
    read("pair"),
    read("plain"),
  ]);
  return { dot, pair, plain };
}
