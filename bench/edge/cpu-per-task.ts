// What a task costs in workerd: processor time of one request, which is what
// Cloudflare bills.
//
//   node bench/edge/cpu-per-task.ts [ROUNDS]
//
// The first request of each kind is not counted: it loads and compiles. Time of
// all threads of workerd is counted, so that the figures are a little high.

import { readFileSync } from "node:fs";
import process from "node:process";
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
  "caption and detect": [{ task: "caption" }, { task: "detect" }],
};

const worker = await startEdgeWorker();
try {
  console.log(`${rounds} requests each; milliseconds of CPU a request`);
  for (const [name, tasks] of Object.entries(QUESTIONS)) {
    for (const cache of ["off", "use"]) {
      await ask(tasks, cache);
      const before = worker.cpuMs();
      for (let round = 0; round < rounds; round += 1) await ask(tasks, cache);
      const after = worker.cpuMs();
      if (before === null || after === null) throw new Error("needs /proc");
      const label = cache === "use" ? "seen before" : "new image";
      const each = Math.round((after - before) / rounds);
      console.log(`${name.padEnd(24)}${label.padEnd(14)}${each}`);
    }
  }
} finally {
  await worker.close();
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
