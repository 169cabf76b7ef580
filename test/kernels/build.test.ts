import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { test } from "node:test";
import {
  buildKernels,
  VARIANTS,
  type Variant,
} from "../../src/kernels/build.ts";

const BUILT = new URL("../../src/kernels/built/", import.meta.url);
/** Room for all kernels of one variant, in bytes. */
const LARGEST_MODULE = 64 * 1024;

test("the committed modules are what the source builds to", async () => {
  const folder = await mkdtemp(`${tmpdir()}/kernels-`);
  try {
    for (const variant of Object.keys(VARIANTS) as Variant[]) {
      const fresh = await readFile(await buildKernels(variant, folder));
      const committed = await readFile(new URL(`${variant}.wasm`, BUILT));
      ok(
        fresh.equals(committed),
        `built/${variant}.wasm is not the source's build: npm run build:kernels`,
      );
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("a module takes a memory, holds no data and is small", async () => {
  for (const variant of Object.keys(VARIANTS)) {
    const bytes = await readFile(new URL(`${variant}.wasm`, BUILT));
    const module = new WebAssembly.Module(bytes);
    deepEqual(WebAssembly.Module.imports(module), [
      { module: "env", name: "memory", kind: "memory" },
    ]);
    equal(sections(bytes).has(DATA_SECTION), false);
    ok(bytes.byteLength < LARGEST_MODULE, `${bytes.byteLength} bytes`);
  }
});

test("all variants export the same functions", async () => {
  const exportsOf = async (variant: string): Promise<string[]> => {
    const bytes = await readFile(new URL(`${variant}.wasm`, BUILT));
    return WebAssembly.Module.exports(new WebAssembly.Module(bytes)).map(
      ({ name }) => name,
    );
  };
  deepEqual(await exportsOf("dot"), await exportsOf("plain"));
  deepEqual(await exportsOf("pair"), await exportsOf("plain"));
});

test("modules for shared memory differ in the memory they take alone", async () => {
  for (const variant of Object.keys(VARIANTS)) {
    const own = sections(await readFile(new URL(`${variant}.wasm`, BUILT)));
    const file = new URL(`shared/${variant}.wasm`, BUILT);
    const shared = sections(await readFile(file));
    deepEqual([...shared.keys()], [...own.keys()]);
    for (const [id, bytes] of own) {
      if (id === IMPORT_SECTION) continue;
      ok(
        shared.get(id)!.equals(bytes),
        `built/shared/${variant}.wasm is of another source: npm run build:kernels`,
      );
    }
  }
});

test("a module for shared memory takes no other", async () => {
  const bytes = await readFile(new URL("shared/plain.wasm", BUILT));
  const module = new WebAssembly.Module(bytes);
  const open = (shared: boolean): WebAssembly.Instance => {
    const size = { initial: 1, maximum: 2 };
    const memory = new WebAssembly.Memory({ ...size, shared });
    return new WebAssembly.Instance(module, { env: { memory } });
  };
  ok(open(true).exports["layerNorm"] instanceof Function);
  throws(() => open(false), WebAssembly.LinkError);
});

const IMPORT_SECTION = 2;
const DATA_SECTION = 11;

/** A module's sections by their ids. */
function sections(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  let at = 8;
  while (at < bytes.length) {
    const id = bytes[at]!;
    let size = 0;
    let shift = 0;
    let byte: number;
    do {
      at += 1;
      byte = bytes[at]!;
      size += (byte & 127) * 2 ** shift;
      shift += 7;
    } while (byte > 127);
    at += 1 + size;
    found.set(id, bytes.subarray(at - size, at));
  }
  return found;
}
