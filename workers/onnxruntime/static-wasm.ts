// Lets a library that wants to compile WebAssembly bytes start from a module
// that was imported statically: a Worker may not compile code at run time.

/** The memory the library allocated for itself. */
export interface WasmHeap {
  byteLength(): number;
}

/** Pages of 64 KiB that an ONNX Runtime heap starts with at least. */
const HEAP_PAGES = 256;
const PAGE_BYTES = 65_536;

/**
 * Runs `boot` with `WebAssembly.instantiate` giving `module` wherever bytes
 * come in, and with the heap's growth capped. Both are put back afterwards.
 *
 * @param boot loads the library and makes it allocate its heap.
 * @param onHeap called with the heap as soon as it exists, even if boot fails.
 * @throws whatever `boot` throws.
 */
export async function bootWithModule<T>(
  options: {
    readonly module: WebAssembly.Module;
    readonly maxHeapBytes: number;
  },
  boot: () => Promise<T>,
  onHeap: (heap: WasmHeap) => void,
): Promise<T> {
  const { instantiate, Memory } = WebAssembly;
  const maxPages = Math.floor(options.maxHeapBytes / PAGE_BYTES);

  Object.assign(WebAssembly, {
    instantiate: async (source: unknown, imports: WebAssembly.Imports) =>
      source instanceof WebAssembly.Module
        ? await instantiate(source, imports)
        : {
            module: options.module,
            instance: await instantiate(options.module, imports),
          },
    Memory: function (descriptor: WebAssembly.MemoryDescriptor) {
      if (descriptor.initial < HEAP_PAGES) return new Memory(descriptor);
      // A lower maximum than the module declares is legal, and makes growth
      // beyond it fail in place of the isolate being killed.
      const maximum = Math.min(maxPages, descriptor.maximum ?? maxPages);
      const memory = new Memory({ ...descriptor, maximum });
      onHeap({ byteLength: () => memory.buffer.byteLength });
      return memory;
    },
  });
  try {
    return await boot();
  } finally {
    Object.assign(WebAssembly, { instantiate, Memory });
  }
}
