// How long until a Worker that has just started gives its first caption: on the
// kernels, on ONNX Runtime Web, and how long until an empty one answers at all?
//
// Command:  node bench/edge/start.ts [--rounds 5] [PHOTO]
// Expected: a minute; a table. Floor: at most half of ONNX Runtime's time, both
//           above the empty Worker's; goal: 0.5 s above it.
//
// From the start of a process of workerd, with a database, buckets and a queue that
// are new, to the last byte of the answer. The scripts are bundled before. The
// empty Worker has the same bindings. The three take turns; processor time is that
// of workerd's process from its beginning.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import {
  bundleEdgeWorker,
  ON_ONNX_RUNTIME,
  startBundled,
} from "../../test/workerd/edge-worker.ts";
import { median, milliseconds, printMachine } from "../report.ts";

const FLOOR = 0.5;
const GOAL_MS = 500;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" } },
});
const [path = "examples/photos/street.jpg"] = positionals;
const photo = await readFile(path);

type Workers = Awaited<ReturnType<typeof bundleEdgeWorker>>;

interface Times {
  readonly ms: number;
  readonly cpuMs: number;
}

const kernels = await bundleEdgeWorker();
const builds: Readonly<Record<string, Workers>> = {
  "empty Worker": kernels.map(emptied),
  kernels,
  "onnxruntime-web": await bundleEdgeWorker(undefined, ON_ONNX_RUNTIME),
};
const times = new Map<string, Times[]>();
// One round more than is counted: files are read for the first time.
for (let round = -1; round < Number(flags.rounds); round += 1) {
  for (const [name, workers] of Object.entries(builds)) {
    const took = await first(workers);
    if (round >= 0) times.set(name, [...(times.get(name) ?? []), took]);
  }
}

printMachine();
console.log(
  `${path}; process start to first caption, medians of ${flags.rounds}\n`,
);
console.log("| | from outside | above empty | processor time | above empty |");
console.log("|---|---|---|---|---|");
const middle = (name: string, clock: keyof Times): number =>
  median(times.get(name)!.map((took) => took[clock]));
const above = (name: string, clock: keyof Times): number =>
  middle(name, clock) - middle("empty Worker", clock);
for (const name of Object.keys(builds)) {
  const cells = (["ms", "cpuMs"] as const).flatMap((clock) => [
    milliseconds(middle(name, clock)),
    milliseconds(above(name, clock)),
  ]);
  console.log(`| ${[name, ...cells].join(" | ")} |`);
}
for (const clock of ["ms", "cpuMs"] as const) {
  const share = above("kernels", clock) / above("onnxruntime-web", clock);
  const what = clock === "cpuMs" ? "processor time" : "from outside";
  console.log(
    `\nkernels by onnxruntime-web, above empty, ${what}: ${share.toFixed(2)}, floor ${FLOOR}`,
  );
}
console.log(`goal: ${GOAL_MS} ms above empty`);

/** The same bindings, and a script that does nothing. */
function emptied(worker: Workers[number]): Workers[number] {
  const contents = "export default { fetch: () => new Response('empty') }";
  const module = { type: "ESModule", path: "/empty.js", contents } as const;
  return { ...worker, modulesRoot: "/", modules: [module] };
}

async function first(workers: Workers): Promise<Times> {
  const start = performance.now();
  const worker = await startBundled(workers);
  try {
    const response = await worker.fetch("/v1/analyze?tasks=caption", {
      method: "POST",
      headers: { "Content-Type": "image/jpeg" },
      body: photo,
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(text);
    const ms = performance.now() - start;
    const cpuMs = worker.cpuMs();
    if (cpuMs === null) throw new Error("needs /proc");
    return { ms, cpuMs };
  } finally {
    await worker.close();
  }
}
