// What a service under load holds in memory, by part.

/** Bytes of each part; the first is the whole process, as its system counts. */
export type MemoryReading = Readonly<Record<string, number>>;

type Get = (path: string) => Promise<Response>;

/** From `GET /metrics` of `florence serve`. */
export async function readNodeMemory(
  get: Get,
  residentBytes: number | null,
): Promise<MemoryReading> {
  const text = await (await get("/metrics")).text();
  const gauge = (name: string): number => {
    const found = new RegExp(`^${name} (\\S+)$`, "mu").exec(text);
    if (found === null) throw new Error(`no ${name} in /metrics`);
    return Number(found[1]);
  };
  return {
    resident: residentBytes ?? gauge("process_resident_memory_bytes"),
    heap: gauge("nodejs_heap_size_used_bytes"),
    external: gauge("nodejs_external_memory_bytes"),
    "threads' heaps": gauge("florence_engine_heap_bytes"),
    "kept passes": gauge("florence_feature_memory_bytes"),
  };
}

/** Of workerd: the process, and the WebAssembly heap its engine tells of. */
export async function readWorkerdMemory(
  get: Get,
  residentBytes: number | null,
): Promise<MemoryReading> {
  const text = await (await get("/v1/engines")).text();
  const { data } = JSON.parse(text) as {
    readonly data?: readonly {
      readonly memory?: { readonly heap_bytes: number };
    }[];
  };
  const heapBytes = data?.[0]?.memory?.heap_bytes;
  if (heapBytes === undefined) throw new Error(`no heap in ${text}`);
  return { resident: residentBytes ?? Number.NaN, "wasm heap": heapBytes };
}

/** Readings as a table, one line each, in MB. */
export function printReadings(
  readings: readonly {
    readonly atSeconds: number;
    readonly memory: MemoryReading;
  }[],
): void {
  const parts = Object.keys(readings[0]?.memory ?? {});
  console.log(["seconds", ...parts].map((name) => name.padStart(15)).join(""));
  for (const { atSeconds, memory } of readings) {
    const line = [
      atSeconds.toFixed(0),
      ...parts.map((part) => ((memory[part] ?? Number.NaN) / 1e6).toFixed(0)),
    ];
    console.log(line.map((text) => text.padStart(15)).join(""));
  }
}
