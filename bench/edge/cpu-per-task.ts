// What a task costs in workerd: processor time of one request, which is what
// Cloudflare bills.
//
//   node bench/edge/cpu-per-task.ts [ROUNDS]
//
// The first two requests of each kind are not counted: they load and compile.
// Time of all threads of workerd is counted, in ticks of 10 ms, so that the
// figures are a little high. Processor time is not waiting time, but on a busy
// machine caches are colder: the least is the nearest to the truth.

import { readFileSync } from "node:fs";
import process from "node:process";
import { median, printMachine } from "../report.ts";
import { startEdgeWorker } from "../../test/workerd/edge-worker.ts";

const PHOTO = readFileSync(
  new URL("../../examples/photos/street.jpg", import.meta.url),
);
const rounds = Number(process.argv[2] ?? 8);

/** Requests as the documentation's examples make them. */
const QUESTIONS: Readonly<Record<string, readonly object[]>> = {
  caption: [{ task: "caption" }],
  detect: [{ task: "detect" }],
  propose: [{ task: "propose" }],
  "detect_open, 2 labels": [
    { task: "detect_open", labels: ["car", "bicycle"] },
  ],
  ground: [{ task: "ground", phrase: "the car on the right" }],
  segment: [{ task: "segment", phrase: "the car on the right" }],
  "caption and detect": [{ task: "caption" }, { task: "detect" }],
};

const worker = await startEdgeWorker();
try {
  printMachine();
  console.log(`CPU-ms of a request, ${rounds} of each: least, median`);
  for (const [name, tasks] of Object.entries(QUESTIONS)) {
    for (const cache of ["off", "use"]) {
      await ask(tasks, cache);
      await ask(tasks, cache);
      const costs: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const before = cpuMs();
        await ask(tasks, cache);
        costs.push(cpuMs() - before);
      }
      const label = cache === "use" ? "seen before" : "new image";
      const least = String(Math.min(...costs)).padStart(6);
      const middle = String(Math.round(median(costs))).padStart(6);
      console.log(`${name.padEnd(24)}${label.padEnd(14)}${least}${middle}`);
    }
  }
} finally {
  await worker.close();
}

function cpuMs(): number {
  const ms = worker.cpuMs();
  if (ms === null) throw new Error("needs /proc");
  return ms;
}

async function ask(tasks: readonly object[], cache: string): Promise<void> {
  const form = new FormData();
  form.set("image", new Blob([PHOTO]), "street.jpg");
  form.set("request", JSON.stringify({ tasks, options: { cache } }));
  const response = await worker.fetch("/v1/analyze", {
    method: "POST",
    body: form,
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(text);
}
