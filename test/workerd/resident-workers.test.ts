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
import { startApart, startResidentWorkers } from "./resident-workers.ts";
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

async function ask(worker: WorkerProcess): Promise<Answer> {
  const form = new FormData();
  form.set("image", new Blob([PHOTO]), "photo.jpg");
  const options = { cache: "off", input_size: 384, max_tokens: 8 };
  const request = { tasks: [{ task: "caption" }], options };
  form.set("request", JSON.stringify(request));
  const response = await worker.fetch("/v1/analyze", {
    ...{ method: "POST", body: form },
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
test("a part that dies after vision is named, and used again when it is back", async () => {
  const workers = [...(await startApart(folder))];
  try {
    const [image] = workers;
    const at = workers.findIndex(({ name }) => name === "florence-text");
    const before = await ask(image!);
    assert.equal(before.detail, undefined);
    // The picture is seen by a part that lives; the prompt finds none.
    workers[at]!.kill();
    const { code, detail } = await ask(image!);
    assert.equal(code, "engine_unavailable");
    assert.match(detail ?? "", /part of the model behind TEXT is gone/u);
    workers[at] = await workers[at]!.revive();
    const after = await ask(image!);
    assert.deepEqual(after.results, before.results, after.detail);
  } finally {
    for (const worker of workers) await worker.close();
  }
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
