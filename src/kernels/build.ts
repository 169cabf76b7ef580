// Builds the kernels: one WebAssembly module for each variant, from one source,
// and one more for each that takes a memory which threads share.
//
//   npm run build:kernels
//
// The modules are committed; `test/kernels/build.test.ts` builds them again and
// compares bytes.

import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import binaryen from "binaryen";

/** The variants, best first; the value is `VARIANT` of the source. */
export const VARIANTS = { dot: 0, pair: 1, plain: 2 } as const;
export type Variant = keyof typeof VARIANTS;

const HERE = import.meta.dirname;
// Run, not imported: its types declare AssemblyScript's own arrays for the whole
// program, in which an element is never undefined.
const COMPILER = fileURLToPath(
  import.meta.resolve("assemblyscript/bin/asc.js"),
);

/** What the module's memory is: of one thread, or of several. */
export type MemoryKind = "own" | "shared";
/** Where modules of each kind lie, below the folder of all. */
export const FOLDERS = { own: ".", shared: "shared" } as const;

/** Any shared memory fits: none has more pages. */
const SHARED_MEMORY = [
  ...["--enable", "threads", "--sharedMemory", "--maximumMemory", "65536"],
];

/**
 * Nodes of a function that is put in place where it is called: all helpers without
 * a loop. V8 does that too, but not always.
 */
const INLINED_SIZE = 100;
/**
 * What Binaryen does with what the compiler made. None of its passes may move a
 * computation of lanes down to where its result is read, past other assignments
 * (`ssa-nomerge`, as AssemblyScript's own levels 2 and 3 have it): that undoes the
 * order in which the tiles use their registers, and V8 keeps the order it gets
 * (products of bytes were a fifth slower, f32 products with 4 steps of k a third).
 */
const PASSES = [
  "duplicate-function-elimination",
  "remove-unused-module-elements",
  "inlining",
  "optimize-instructions",
  "dce",
  "remove-unused-brs",
  "remove-unused-names",
  "merge-blocks",
  "precompute",
  "simplify-locals-notee-nostructure",
  "vacuum",
  "reorder-locals",
  "coalesce-locals",
  "simplify-locals",
  "coalesce-locals",
  "reorder-locals",
  "vacuum",
  "remove-unused-brs",
  "remove-unused-names",
  "merge-blocks",
  "precompute",
  "vacuum",
  "reorder-functions",
  "remove-unused-module-elements",
];

/** The arguments of the AssemblyScript compiler for one variant. */
function compilerArguments(
  variant: Variant,
  kind: MemoryKind,
  outFile: string,
): string[] {
  return [
    `${HERE}/assembly/kernels.ts`,
    ...["--outFile", outFile],
    ...["--baseDir", HERE],
    // `optimize` does it.
    ...["--optimizeLevel", "0", "--noAssert", "--runtime", "stub"],
    // The host makes the memory, sets its maximum and plans what lies where. That
    // it has a page at least saves V8 one of two comparisons at each access where
    // memory has no guard pages (workerd), for offsets below a page.
    ...["--importMemory", "--noExportMemory", "--initialMemory", "1"],
    ...(kind === "own" ? [] : SHARED_MEMORY),
    ...["--enable", "bulk-memory"],
    ...["--enable", "simd"],
    ...(variant === "plain" ? [] : ["--enable", "relaxed-simd"]),
    // Vectors pass between our own functions only; pointers have 32 bits.
    ...["--disableWarning", "112", "--disableWarning", "201"],
    ...["--use", `VARIANT=${VARIANTS[variant]}`, "--use", "abort="],
  ];
}

/**
 * Compiles one variant into `folder`, or the folder of its kind below it.
 *
 * @returns the file it wrote.
 * @throws what the compiler said if it refused.
 */
export async function buildKernels(
  variant: Variant,
  folder: string,
  kind: MemoryKind = "own",
): Promise<string> {
  const own = join(folder, FOLDERS[kind]);
  await mkdir(own, { recursive: true });
  const outFile = join(own, `${variant}.wasm`);
  await promisify(execFile)(process.execPath, [
    COMPILER,
    ...compilerArguments(variant, kind, outFile),
  ]);
  await writeFile(outFile, optimize(await readFile(outFile)));
  return outFile;
}

function optimize(bytes: Uint8Array): Uint8Array {
  const module = binaryen.readBinary(bytes);
  try {
    // None of the passes brings in what the source has not.
    module.setFeatures(binaryen.Features.All);
    binaryen.setOptimizeLevel(1);
    binaryen.setShrinkLevel(0);
    binaryen.setAlwaysInlineMaxSize(INLINED_SIZE);
    module.runPasses(PASSES);
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

if (import.meta.main) {
  for (const variant of Object.keys(VARIANTS) as Variant[]) {
    for (const kind of Object.keys(FOLDERS) as MemoryKind[]) {
      console.log(await buildKernels(variant, `${HERE}/built`, kind));
    }
  }
  process.exitCode = 0;
}
