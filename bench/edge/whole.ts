// How long does a whole request of a base-size model take in workerd on the
// kernels, and how long on ONNX Runtime Web's int8 graphs in the same workerd?
//
// Command:  node bench/edge/whole.ts KERNELS [ONNXRUNTIME] [--rounds 3]
//           [--sizes 384,768] [--native FOLDER]
// Expected: ten minutes on a quiet machine. KERNELS is a bundle of
//           `bench/edge/make-base.ts`; ONNXRUNTIME one of the same checkpoint by
//           `florence convert --precision int8`; without it a peer is not asked.
//           FOLDER is one of `--precision int8 --layout transformers-js`: what
//           native code does with int8 is printed beside the others, as the ceiling.
//
// Processor time of the whole process of workerd, median of the rounds, the two
// by turns. The kernels read their weights anew for each picture, ONNX Runtime
// holds them: its heap is far larger than an isolate may have. Requests are the
// picture as JPEG, one vision pass, greedy tokens. Native code is transformers.js
// in this process, one thread, from the picture's values on.

import { once } from "node:events";
import process from "node:process";
import { readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { text as readText } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { serveFolder } from "../../test/workerd/file-server.ts";
import { startWorker } from "../../test/workerd/worker-process.ts";
import { median, milliseconds, printMachine } from "../report.ts";
import { openPeer, type Peer } from "../transformers-js-peer.ts";

const PHOTO = new Uint8Array(
  readFileSync(new URL("../../examples/photos/street.jpg", import.meta.url)),
);

/** What is asked: prompts, and tokens of each. */
const QUESTIONS = {
  vision: { prompts: 0, tokens: 0 },
  caption: { prompts: 1, tokens: 30 },
  detection: { prompts: 1, tokens: 100 },
  "five tasks": { prompts: 5, tokens: 30 },
} as const;

type Question = keyof typeof QUESTIONS;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "3" },
    sizes: { type: "string", default: "384,768" },
    native: { type: "string" },
  },
});
const native =
  flags.native === undefined ? null : await openPeer(flags.native, "int8");
const [kernels, onnxruntime] = positionals;
if (kernels === undefined) {
  throw new Error("Name a bundle for the kernels, and one for ONNX Runtime.");
}
const hasPeer = onnxruntime !== undefined;
/** `<CAPTION>`, as Florence-2's tokenizer has it. */
const PROMPT = [0, 2264, 473, 5, 2274, 6190, 116, 2];

const servers = [
  await serveFolder(kernels),
  await serveFolder(onnxruntime ?? kernels),
];
const worker = await startWorker({
  config: {
    name: "compare",
    main: fileURLToPath(
      new URL("../../test/workerd/worker/compare.ts", import.meta.url),
    ),
    compatibility_date: "2026-10-01",
    compatibility_flags: ["enable_request_signal"],
    rules: [{ type: "Data", globs: ["**/*.ttf"], fallthrough: true }],
    vars: { KERNELS: servers[0]!.url, ONNXRUNTIME: servers[1]!.url },
  },
});
try {
  printMachine();
  await measure();
} finally {
  await worker.close();
  await native?.dispose();
  for (const server of servers) server.close();
}

async function measure(): Promise<void> {
  const { device } = await ask("kernels", 384, "caption");
  if (hasPeer) await ask("onnxruntime", 384, "caption");
  if (native !== null) await timedNatively(native, 384);
  console.log(
    `${device} kernels, processor time, ${flags.rounds} rounds after one that is not counted`,
  );
  console.log("");
  console.log(
    "| input | vision | caption, 30 tokens | ONNX Runtime | ratio | native int8 | detection, 100 tokens, over caption | five tasks over one | after vision, five over one |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|");
  for (const size of flags.sizes.split(",").map(Number)) {
    const times = new Map<string, number[]>();
    for (let round = 0; round < Number(flags.rounds); round += 1) {
      for (const question of Object.keys(QUESTIONS) as Question[]) {
        const took = await timed("kernels", size, question);
        times.set(question, [...(times.get(question) ?? []), took]);
      }
      if (native !== null) {
        const took = await timedNatively(native, size);
        times.set("native", [...(times.get("native") ?? []), took]);
      }
      if (!hasPeer) continue;
      const took = await timed("onnxruntime", size, "caption");
      times.set("peer", [...(times.get("peer") ?? []), took]);
    }
    const of = (name: Question | "peer" | "native"): number =>
      median(times.get(name)!);
    const [vision, caption, five] = [
      of("vision"),
      of("caption"),
      of("five tasks"),
    ];
    console.log(
      `| ${[
        `${size} px`,
        milliseconds(vision),
        milliseconds(caption),
        hasPeer ? milliseconds(of("peer")) : "",
        hasPeer ? (of("peer") / caption).toFixed(2) : "",
        native === null ? "" : milliseconds(of("native")),
        (of("detection") / caption).toFixed(2),
        (five / caption).toFixed(2),
        ((five - vision) / (caption - vision)).toFixed(2),
      ].join(" | ")} |`,
    );
  }
}

/** Processor time of a caption by native code. */
async function timedNatively(peer: Peer, size: number): Promise<number> {
  // What a picture shows takes no time of its own.
  const data = Float32Array.from(
    { length: 3 * size * size },
    (_, at) => ((at * 7919) % 251) / 125 - 1,
  );
  const before = process.cpuUsage();
  const { tokens } = QUESTIONS.caption;
  await peer.answer({ data, size }, PROMPT, tokens);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

async function timed(
  backend: string,
  size: number,
  question: Question,
): Promise<number> {
  const before = worker.cpuMs();
  await ask(backend, size, question);
  const after = worker.cpuMs();
  if (before === null || after === null) throw new Error("needs /proc");
  return after - before;
}

async function ask(
  backend: string,
  size: number,
  question: Question,
): Promise<{ readonly device: string }> {
  const { prompts, tokens } = QUESTIONS[question];
  const query = `size=${size}&prompts=${prompts}&tokens=${tokens}`;
  const text = await post(new URL(`/${backend}?${query}`, worker.url));
  return JSON.parse(text) as { readonly device: string };
}

/** Sends the photo; unlike `fetch` it waits for the answer as long as it takes. */
async function post(url: URL): Promise<string> {
  const sent = request(url, { method: "POST" });
  sent.end(PHOTO);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const text = await readText(response);
  if (response.statusCode !== 200) throw new Error(text);
  return text;
}
