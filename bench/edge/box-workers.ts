// How long does a caption by the model in the box take in workerd, on the kernels
// and on ONNX Runtime Web? Both builds of the edge Worker, whole requests.
//
// Command:  node bench/edge/box-workers.ts [--rounds 9] [PHOTO]
// Expected: two minutes; a table. Floor: half of ONNX Runtime's time; goal: 250 ms.
//
// Each build has a process of workerd, the two take turns. Processor time is that
// of all threads of the process, which the kernel counts in ticks of 10 ms: a turn
// is some requests. Every request sees its picture anew.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import {
  ON_ONNX_RUNTIME,
  startEdgeWorker,
  type EdgeWorker,
} from "../../test/workerd/edge-worker.ts";
import { median, printMachine } from "../report.ts";

const FLOOR = 2;
const GOAL_MS = 250;
/** Requests of one turn. */
const REQUESTS = 4;
/** Turns that load, compile and tier up, and are not counted. */
const WARM_TURNS = 2;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "9" } },
});
const [path = "examples/photos/street.jpg"] = positionals;
const photo = await readFile(path);

interface Times {
  readonly cpuMs: number;
  readonly ms: number;
}

const workers: Record<string, EdgeWorker> = {};
const times = new Map<string, Times[]>();
const captions = new Map<string, string>();
try {
  workers["kernels"] = await startEdgeWorker();
  workers["onnxruntime-web"] = await startEdgeWorker(
    undefined,
    ON_ONNX_RUNTIME,
  );
  for (let round = -WARM_TURNS; round < Number(flags.rounds); round += 1) {
    for (const [name, worker] of Object.entries(workers)) {
      const took = await turn(name, worker);
      if (round >= 0) times.set(name, [...(times.get(name) ?? []), took]);
    }
  }
} finally {
  for (const worker of Object.values(workers)) await worker.close();
}

printMachine();
console.log(
  `${path}; a caption, whole request, medians of ${flags.rounds} turns of ${REQUESTS}\n`,
);
console.log("| | processor time | from outside | caption |");
console.log("|---|---|---|---|");
const middle = (name: string, clock: keyof Times): number =>
  median(times.get(name)!.map((took) => took[clock]));
for (const name of Object.keys(workers)) {
  const [cpu, all] = [middle(name, "cpuMs"), middle(name, "ms")];
  console.log(
    `| ${[name, ...[cpu, all].map((ms) => `${ms.toFixed(0)} ms`), captions.get(name)!].join(" | ")} |`,
  );
}
for (const clock of ["cpuMs", "ms"] as const) {
  const ratio = middle("onnxruntime-web", clock) / middle("kernels", clock);
  const what = clock === "cpuMs" ? "processor time" : "from outside";
  console.log(
    `\nonnxruntime-web by kernels, ${what}: ${ratio.toFixed(2)}, floor ${FLOOR}`,
  );
}
console.log(`goal: ${GOAL_MS} ms`);

async function turn(name: string, worker: EdgeWorker): Promise<Times> {
  const [cpu, start] = [cpuMs(worker), performance.now()];
  for (let request = 0; request < REQUESTS; request += 1) {
    captions.set(name, await caption(worker));
  }
  return {
    cpuMs: (cpuMs(worker) - cpu) / REQUESTS,
    ms: (performance.now() - start) / REQUESTS,
  };
}

async function caption(worker: EdgeWorker): Promise<string> {
  const form = new FormData();
  form.set("image", new Blob([photo]), "photo.jpg");
  const asked = { tasks: [{ task: "caption" }], options: { cache: "off" } };
  form.set("request", JSON.stringify(asked));
  const response = await worker.fetch("/v1/analyze", {
    method: "POST",
    body: form,
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
  const { results } = JSON.parse(text) as {
    readonly results: readonly { readonly text: string }[];
  };
  return results[0]!.text;
}

function cpuMs(worker: EdgeWorker): number {
  const ms = worker.cpuMs();
  if (ms === null) throw new Error("needs /proc");
  return ms;
}
