// Workers of one model joined by service bindings, as `florence plan --write`
// writes them, in workerd: a small model with random weights.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runFlorence } from "../cli/run-florence.ts";
import { PHOTO } from "../http/bad-images.ts";
import { edgeBundle } from "../shared/model/edge/open-golden.ts";
import {
  type LoneWorker,
  startApart,
  startResidentWorkers,
} from "./resident-workers.ts";
import type { WorkerProcess } from "./worker-process.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-resident-"));

before(async () => {
  const bundle = await edgeBundle("tiny-native", "int8");
  const { code, stderr } = await runFlorence([
    ...["plan", bundle, "--input-size", "384", "--write", folder],
  ]);
  assert.equal(code, 0, stderr);
});
after(() => {
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly results?: readonly { readonly text?: string }[];
  readonly code?: string;
  readonly detail?: string;
}

function formOf(): FormData {
  const form = new FormData();
  form.set("image", new Blob([PHOTO]), "photo.jpg");
  const options = { cache: "off", input_size: 384, max_tokens: 8 };
  const request = { tasks: [{ task: "caption" }], options };
  form.set("request", JSON.stringify(request));
  return form;
}

async function ask(worker: WorkerProcess): Promise<Answer> {
  const response = await worker.fetch("/v1/analyze", {
    ...{ method: "POST", body: formOf() },
  });
  return (await response.json()) as Answer;
}

describe("Workers of one model", () => {
  let worker: WorkerProcess;
  before(async () => {
    worker = await startResidentWorkers(folder);
  });
  after(() => worker.close());

  test("answer together, and again the same", async () => {
    const first = await ask(worker);
    assert.equal(first.detail, undefined);
    assert.equal(typeof first.results?.[0]?.text, "string");
    const [second, third] = await Promise.all([ask(worker), ask(worker)]);
    assert.deepEqual(second.results, first.results);
    assert.deepEqual(third.results, first.results);
  });
});

// Each Worker in a process of its own, so that one can die alone.
describe("a part that dies after vision", () => {
  const workers: LoneWorker[] = [];
  let at = 0;
  let answer: Answer;
  const gone = /part of the model behind TEXT is gone/u;
  before(async () => {
    workers.push(...(await startApart(folder)));
    at = workers.findIndex(({ name }) => name === "florence-text");
    answer = await ask(workers[0]!);
    assert.equal(answer.detail, undefined);
  });
  after(async () => {
    for (const worker of workers) await worker.close();
  });

  test("costs a second try, or is named", async () => {
    const response = await workers[0]!.fetch("/v1/analyze", {
      method: "POST",
      headers: { Accept: "text/event-stream" },
      body: formOf(),
    });
    let told = "";
    let isKilled = false;
    const decoder = new TextDecoder();
    for await (const piece of response.body!) {
      told += decoder.decode(piece, { stream: true });
      if (isKilled || !told.includes("event: vision_done")) continue;
      workers[at]!.kill();
      isKilled = true;
    }
    assert.ok(isKilled, told);
    // Another process takes its place, sooner or later.
    if (!told.includes("event: done")) assert.match(told, gone);
    let next = await ask(workers[0]!);
    while (next.code === "engine_unavailable") {
      assert.match(next.detail ?? "", gone);
      next = await ask(workers[0]!);
    }
    assert.deepEqual(next.results, answer.results, next.detail);
  });

  test("is named while it stays away, and used when it is back", async () => {
    await workers[at]!.stop();
    // The picture is seen by a part that lives; the prompt finds none.
    const { code, detail } = await ask(workers[0]!);
    assert.equal(code, "engine_unavailable");
    assert.match(detail ?? "", gone);
    workers[at] = await workers[at]!.revive();
    const next = await ask(workers[0]!);
    assert.deepEqual(next.results, answer.results, next.detail);
  });
});

test("a part that is missing is named", async () => {
  const worker = await startResidentWorkers(folder, {
    change: (name, options) =>
      name === "text"
        ? {
            ...options,
            modules: [
              {
                type: "ESModule",
                path: "/empty.js",
                contents: "export default { fetch: () => new Response() }",
              },
            ],
          }
        : options,
  });
  try {
    const { code, detail } = await ask(worker);
    assert.equal(code, "engine_unavailable");
    assert.match(detail ?? "", /part of the model behind TEXT is gone/u);
  } finally {
    await worker.close();
  }
});

test("a part of another bundle is named", async () => {
  const file = join(folder, "vision-1", "assets", "edge.json");
  const text = readFileSync(file, "utf8");
  // A link to the bundle's own file, which stays as it is.
  rmSync(file);
  writeFileSync(file, `${text}\n`);
  const worker = await startResidentWorkers(folder);
  try {
    const { code, detail } = await ask(worker);
    assert.equal(code, "engine_unavailable");
    assert.match(detail ?? "", /behind VISION_1 holds another bundle/u);
  } finally {
    await worker.close();
    writeFileSync(file, text);
  }
});
