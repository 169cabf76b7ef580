// How fast are the kernels' products against ONNX Runtime's WebAssembly?
//
// Command:  node bench/edge/kernels.ts [--variant pair] [--shapes 577x768x768,…]
// Expected: three minutes; a table with ratios. Floors against ORT's int8: 2.4
//           on `dot`, 1.7 on `pair`; for one row 8 and 3.5. *Of peak* is our
//           int8 by what the variant's instruction does on registers alone.
//
// Ours and theirs alternate in short slices, on one thread of Node. Times are
// processor time of that thread, so that other programs on the machine count
// less. Ours include quantizing the activations. To see what a processor without
// VNNI would do:  node --no-enable-avx-vnni bench/edge/kernels.ts

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";
import { parseArgs } from "node:util";
import * as ort from "onnxruntime-web/wasm";
import type { KernelVariant } from "../../src/shared/model/edge/kernels.ts";
import { encodeModel } from "../../src/convert/onnx/encode-model.ts";
import { GraphBuilder, type Value } from "../../src/convert/onnx/graph.ts";
import type { Initializer } from "../../src/convert/onnx/initializer.ts";
import { openArena, type Arena } from "../../test/kernels/arena.ts";
import { KINDS, place, type Kind } from "../../test/kernels/matrix-kinds.ts";
import { random } from "../../test/kernels/random.ts";
import { median, printMachine } from "../report.ts";
import { measurePeak } from "./peak.ts";

const SHAPES = [
  "577x768x768",
  "577x768x3072",
  "577x3072x768",
  "2304x256x1024",
  "2304x512x2048",
  "9216x128x512",
  "1x768x3072",
  "3x768x3072",
  "1x768x51289",
];
const GROUP = 32;
const ROUNDS = 9;
/** Some systems tell processor time in steps of 4 ms. */
const SLICE_MS = 120;
const PAGES = 8192; // 512 MiB
const FLOORS = {
  dot: { many: 2.4, one: 8 },
  pair: { many: 1.7, one: 3.5 },
  plain: { many: 0, one: 0 },
} as const;

type Theirs = "int8" | "uint8" | "f32";
const THEIRS: readonly Theirs[] = ["int8", "uint8", "f32"];

interface Candidate {
  readonly name: string;
  readonly run: () => Promise<unknown> | undefined;
  readonly times: number[];
  /** Runs in a slice. */
  repeats: number;
}

const { values: flags } = parseArgs({
  options: {
    variant: { type: "string" },
    shapes: { type: "string", default: SHAPES.join(",") },
  },
});

await prepareOrt();
const arena = await openArena(flags.variant as KernelVariant, PAGES);
const { variant } = arena.kernels;
printMachine();
console.log(`kernels: ${variant}; onnxruntime-web ${ort.env.versions.web}`);
const peak = variant === "plain" ? undefined : await measurePeak(variant);
const f32Peak = (await measurePeak("f32")).toFixed(0);
console.log(
  `on registers: int8 ${peak?.toFixed(0) ?? "not measured"}, f32 ${f32Peak} GOP/s`,
);
console.log("");
console.log(
  "| M x K x N | int8 | of peak | int4 | f32 | ORT int8 | ORT f32 | int8 ratio | f32 ratio | floor |",
);
console.log("|---|---|---|---|---|---|---|---|---|---|");
for (const shape of flags.shapes.split(",")) {
  console.log(await measure(shape, arena));
}

/** One line of the table: GOP/s, that is 2 M K N by time. */
async function measure(shape: string, own: Arena): Promise<string> {
  const [m, k, n] = shape.split("x").map(Number) as [number, number, number];
  own.reset();
  const source = random(1);
  const x = source.gauss(m * k);
  const weights = source.gauss(n * k, 0.05);
  const candidates: Candidate[] = KINDS.map((kind) => ({
    name: kind,
    run: ownProduct(own, kind, x, weights, m, k, n),
    times: [],
    repeats: 1,
  }));
  const sessions: ort.InferenceSession[] = [];
  for (const kind of THEIRS) {
    const session = await theirProduct(kind, weights, k, n);
    sessions.push(session);
    const feeds = { x: new ort.Tensor("float32", x, [m, k]) };
    candidates.push({
      name: `ORT ${kind}`,
      run: () => session.run(feeds),
      times: [],
      repeats: 1,
    });
  }
  for (const candidate of candidates) await warmUp(candidate);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const candidate of candidates) {
      candidate.times.push(await slice(candidate));
    }
  }
  for (const session of sessions) await session.release();

  const rate = (name: string): number => {
    const found = candidates.find((candidate) => candidate.name === name)!;
    return (2 * m * k * n) / median(found.times) / 1e6;
  };
  const theirs = Math.max(rate("ORT int8"), rate("ORT uint8"));
  const floor = FLOORS[variant][m === 1 ? "one" : "many"];
  return `| ${[
    shape,
    rate("int8").toFixed(1),
    peak === undefined ? "-" : `${((100 * rate("int8")) / peak).toFixed(0)} %`,
    ...["int4", "f32"].map((name) => rate(name).toFixed(1)),
    theirs.toFixed(1),
    rate("ORT f32").toFixed(1),
    (rate("int8") / theirs).toFixed(2),
    (rate("f32") / rate("ORT f32")).toFixed(2),
    floor === 0 ? "-" : `${floor}`,
  ].join(" | ")} |`;
}

/** Runs until compiled well, and finds how many runs make a slice. */
async function warmUp(candidate: Candidate): Promise<void> {
  const start = processorMs();
  let runs = 0;
  while (processorMs() - start < 4 * SLICE_MS || runs < 3) {
    await candidate.run();
    runs += 1;
  }
  const each = (processorMs() - start) / runs;
  candidate.repeats = Math.max(1, Math.round(SLICE_MS / each));
}

/** Milliseconds of one run, over a slice. */
async function slice(candidate: Candidate): Promise<number> {
  const start = processorMs();
  for (let run = 0; run < candidate.repeats; run += 1) await candidate.run();
  return (processorMs() - start) / candidate.repeats;
}

/** Processor time of this thread. */
function processorMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function ownProduct(
  own: Arena,
  kind: Kind,
  x: Float32Array,
  weights: Float32Array,
  m: number,
  k: number,
  outputs: number,
): () => undefined {
  const { run } = own.kernels;
  const matrix = place(own, kind, weights, outputs, k, GROUP);
  const { n, w, scales } = matrix;
  const from = own.put(x);
  const bias = own.put(new Float32Array(n));
  const c = own.take(m * n * 4);
  const line = k * 4;
  switch (kind) {
    case "int8": {
      const scratch = own.take(run.int8Scratch(k));
      return () => {
        run.int8Product(
          from,
          line,
          m,
          k,
          n,
          w,
          scales,
          bias,
          c,
          n * 4,
          scratch,
        );
      };
    }
    case "int4": {
      const scratch = own.take(run.int4Scratch(m, k, n, GROUP));
      return () => {
        run.int4Product(from, line, m, k, n, GROUP, w, bias, c, n * 4, scratch);
      };
    }
    case "f32": {
      return () => {
        run.f32Product(from, line, m, k, n, w, bias, c, n * 4);
      };
    }
    default:
      return kind satisfies never;
  }
}

/** `y = x W` as the converter writes it: dynamic int8, or f32. */
async function theirProduct(
  kind: Theirs,
  weights: Float32Array,
  k: number,
  n: number,
): Promise<ort.InferenceSession> {
  const graph = new GraphBuilder("product");
  const x = graph.input("x", "float32", ["M", k]);
  const files = new Map<string, Uint8Array>();
  const weight = (
    name: string,
    type: string,
    data: Float32Array | Int8Array | Uint8Array,
  ): Value => {
    files.set(
      name,
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    );
    return graph.weight({
      name,
      // The converter itself writes no unsigned weights.
      type: type as Initializer["type"],
      dims: [k, n],
      bytes: data.byteLength,
      tensor: name,
      async *chunks() {
        // Given to the runtime from memory.
      },
    });
  };
  const scale = Math.fround(0.2 / 127);
  const transposed = new Float32Array(k * n); // [k, n]
  for (let column = 0; column < n; column += 1) {
    for (let at = 0; at < k; at += 1) {
      transposed[at * n + column] = weights[column * k + at]!;
    }
  }
  let y: Value;
  if (kind === "f32") {
    y = graph.node("MatMul", [x, weight("w", "float32", transposed)]);
  } else {
    const wholes = transposed.map((value) =>
      Math.max(-127, Math.min(127, Math.round(value / scale))),
    );
    const w =
      kind === "int8"
        ? weight("w", "int8", Int8Array.from(wholes))
        : weight(
            "w",
            "uint8",
            Uint8Array.from(wholes, (value) => value + 128),
          );
    const [bytes, xScale, xZero] = graph.nodes("DynamicQuantizeLinear", [x], 3);
    const zero =
      kind === "int8"
        ? []
        : [graph.node("Cast", [graph.int(128)], { to: { int: 2 } })];
    const product = graph.node("MatMulInteger", [bytes!, w, xZero!, ...zero]);
    const wide = graph.node("Cast", [product], { to: { int: 1 } });
    y = graph.node("Mul", [
      wide,
      graph.node("Mul", [xScale!, graph.float(scale)]),
    ]);
  }
  graph.output("y", y, "float32", ["M", n]);
  const placements = [...files].map(
    ([name, data]) =>
      [name, { file: name, offset: 0, bytes: data.byteLength }] as const,
  );
  return await ort.InferenceSession.create(
    encodeModel(graph.finish(), new Map(placements)),
    {
      executionProviders: ["wasm"],
      externalData: [...files].map(([path, data]) => ({ path, data })),
    },
  );
}

/** ONNX Runtime on one thread, its WebAssembly read from the package. */
async function prepareOrt(): Promise<void> {
  const file = createRequire(import.meta.url).resolve(
    "onnxruntime-web/ort-wasm-simd-threaded.wasm",
  );
  const bytes = await readFile(file);
  ort.env.wasm.wasmBinary = bytes.buffer.slice(
    bytes.byteOffset,
    bytes.byteOffset + bytes.byteLength,
  );
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
}
