// The kernels as the script carries them.

import dot from "../../src/kernels/built/dot.wasm";
import pair from "../../src/kernels/built/pair.wasm";
import plain from "../../src/kernels/built/plain.wasm";
import type { KernelModules } from "../../src/shared/model/edge/kernels.ts";

export const KERNEL_MODULES: KernelModules = { dot, pair, plain };
