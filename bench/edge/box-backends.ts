// How long does the model in the box take for a caption on the kernels, and on
// ONNX Runtime Web, in one process? ONNX Runtime for Node stands beside them.
//
// Command:  node bench/edge/box-backends.ts [--bits 7] [--rounds 9] [PHOTO]
// Expected: a minute; a table. Floor: 2 times ONNX Runtime Web's speed.
//
// All take turns in each round, one thread each. Time is the processor's, of all
// threads, so that other programs on the machine count less.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { scheduler } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  convertCheckpoint,
  parseEdgeChoices,
} from "../../src/convert/index.ts";
import { bundleFolder } from "../../src/node/bundle-folder.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { openBundle } from "../../src/node/open-bundle.ts";
import { generate } from "../../src/shared/generate/generate.ts";
import { decodeImage } from "../../src/shared/image/decode-image.ts";
import {
  type LoadedModel,
  openModel,
} from "../../src/shared/model/open-model.ts";
import type { SessionFactory } from "../../src/shared/model/session.ts";
import { median, printMachine } from "../report.ts";

const FLOOR = 2;
const MAX_HEAP_BYTES = 2 ** 29;
const CHECKPOINT = "models/box/checkpoint";
const PROMPT = "What does the image describe?";
const PARTS = ["vision", "encoder", "decoder", "total"] as const;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bits: { type: "string" },
    rounds: { type: "string", default: "9" },
  },
});
const [photo = "examples/photos/street.jpg"] = positionals;
const { image } = await decodeImage(
  await readFile(photo),
  await loadImageCodecs(),
);

const folder = await mkdtemp(join(tmpdir(), "florence-backends-"));
try {
  await measure();
} finally {
  await rm(folder, { recursive: true });
}

async function measure(): Promise<void> {
  const edge = flags.bits === undefined ? undefined : parseEdgeChoices(flags.bits); // prettier-ignore
  const out = join(folder, "edge");
  await convertCheckpoint(CHECKPOINT, { out, precision: "edge", edge });
  const onnx = join(folder, "onnx");
  await convertCheckpoint(CHECKPOINT, { out: onnx, precision: "int8" });
  const models: Record<string, LoadedModel> = {
    kernels: await openBundle(out),
    "onnxruntime-web": await openWeb(onnx),
    "onnxruntime-node": await openBundle(onnx, { threads: 1 }),
  };
  const times = new Map(
    Object.keys(models).map((name) => [name, [] as Times[]] as const),
  );
  const captions = new Map<string, string>();
  for (let round = -2; round < Number(flags.rounds); round += 1) {
    for (const [name, loaded] of Object.entries(models)) {
      const told = await caption(loaded);
      captions.set(name, told.text);
      if (round >= 0) times.get(name)!.push(told.times);
    }
  }
  printMachine();
  const { device } = models["kernels"]!.model.capabilities;
  console.log(`${photo}; ${device} kernels; ms, medians of ${flags.rounds}\n`);
  console.log(`| | ${PARTS.join(" | ")} | caption |`);
  console.log(`|---${"|---".repeat(PARTS.length + 1)}|`);
  const middle = (name: string, part: keyof Times): number =>
    median(times.get(name)!.map((time) => time[part]));
  for (const name of Object.keys(models)) {
    const cells = PARTS.map((part) => middle(name, part).toFixed(1));
    console.log(`| ${[name, ...cells, captions.get(name)!].join(" | ")} |`);
  }
  for (const peer of Object.keys(models).slice(1)) {
    const ratio = middle(peer, "total") / middle("kernels", "total");
    const floor = peer === "onnxruntime-web" ? `, floor ${FLOOR}` : "";
    console.log(`\n${peer} by kernels: ${ratio.toFixed(2)}${floor}`);
  }
  for (const { model } of Object.values(models)) await model.dispose();
}

/** The bundle on ONNX Runtime's WebAssembly, as the edge Worker runs it. */
async function openWeb(path: string): Promise<LoadedModel> {
  const file = createRequire(import.meta.url).resolve(
    "onnxruntime-web/ort-wasm-simd-threaded.wasm",
  );
  // As workerd has it.
  Object.assign(globalThis, { scheduler });
  const module = await WebAssembly.compile(await readFile(file));
  // By its address: it is typed for workerd.
  const { href } = new URL(
    "../../workers/onnxruntime/onnxruntime-session.ts",
    import.meta.url,
  );
  const { createWebSessions } = (await import(href)) as {
    createWebSessions: (options: {
      readonly module: WebAssembly.Module;
      readonly maxHeapBytes: number;
    }) => SessionFactory;
  };
  const sessions = createWebSessions({ module, maxHeapBytes: MAX_HEAP_BYTES });
  const bundle = bundleFolder(path);
  // Without paths: it opens graphs from their bytes.
  const source = {
    name: bundle.name,
    read: (file: string) => bundle.read(file),
  };
  return await openModel(source, sessions);
}

type Times = Readonly<Record<(typeof PARTS)[number], number>>;

async function caption(
  loaded: LoadedModel,
): Promise<{ readonly times: Times; readonly text: string }> {
  const { model, tokenizer, manifest } = loaded;
  const ids = tokenizer.encode(PROMPT);
  const start = processorMs();
  const [features] = await model.encode([image], { prompts: [[ids]] });
  const seen = processorMs();
  const state = await model.start([{ features: features!, ids }]);
  const read = processorMs();
  const [answer] = await generate(state, [0], {
    spec: manifest.generation,
    numBeams: 1,
    maxTokens: 64,
  });
  const end = processorMs();
  await state.dispose();
  const times = {
    vision: seen - start,
    encoder: read - seen,
    decoder: end - read,
    total: end - start,
  };
  return { times, text: tokenizer.decode(answer!.ids) };
}

/** Processor time of all threads. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
