// The Worker that runs a model phase by phase, in workerd: a small model with
// random weights, its bundle among the static assets.

import assert from "node:assert/strict";
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { PHOTO } from "../http/bad-images.ts";
import { edgeBundle } from "../shared/model/edge/open-golden.ts";
import { bundleScript } from "./bundle-script.ts";
import { startEdgeWorker, type EdgeWorker } from "./edge-worker.ts";

const config = fileURLToPath(
  new URL("../../workers/phased/wrangler.toml", import.meta.url),
);
const MIB = 2 ** 20;
/** Script and modules, without weights and tokenizer. Measured: 1.29 MB. */
const MAX_SCRIPT_BYTES = 1_500_000;
/** Of the small model, most of it the vision's work at 768 pixels. */
const MAX_MEMORY_BYTES = 24 * MIB;
/** What any isolate may take; here it is mostly what is not collected yet. */
const MAX_ISOLATE_BYTES = 110_000_000;

const assets = await edgeBundle("tiny-native", "int8");

interface Answer {
  readonly status: string;
  readonly results: readonly { readonly text?: string }[];
  readonly model: { readonly input_size?: number };
  readonly detail?: string;
  readonly code?: string;
}

function formOf(options: object): FormData {
  const form = new FormData();
  form.set("image", new Blob([PHOTO]), "photo.jpg");
  const all = { cache: "off", max_tokens: 8, ...options };
  const request = { tasks: [{ task: "caption" }], options: all };
  form.set("request", JSON.stringify(request));
  return form;
}

async function ask(
  worker: EdgeWorker,
  options: object = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly answer: Answer }> {
  const response = await worker.fetch("/v1/analyze", {
    ...{ method: "POST", headers, body: formOf(options) },
  });
  return {
    status: response.status,
    answer: (await response.json()) as Answer,
  };
}

test("the script stays below 1.5 MB, weights and tokenizer left out", async () => {
  using script = await bundleScript({ config, assets });
  const sizes = script.files.map(
    (file) => [file, statSync(join(script.folder, file)).size] as const,
  );
  const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
  for (const [file, bytes] of sizes) {
    console.log(`${file.replace(/^[0-9a-f]{40}-/u, "")}: ${bytes} bytes`);
  }
  assert.ok(total < MAX_SCRIPT_BYTES, `${total} bytes`);
});

describe("the phased Worker", () => {
  let worker: EdgeWorker;
  before(async () => {
    worker = await startEdgeWorker(undefined, { config, assets });
  });
  after(() => worker.close());

  test("answers at the size that is asked for, within its memory", async () => {
    const texts: (string | undefined)[] = [];
    for (const size of [384, 512, 768, 384]) {
      const { status, answer } = await ask(worker, { input_size: size });
      assert.equal(status, 200, answer.detail);
      assert.equal(answer.model.input_size, size);
      texts.push(answer.results[0]?.text);
    }
    // The same again, whatever passed through the memory meanwhile.
    assert.equal(texts[0], texts[3]);
    const response = await worker.fetch("/v1/engines");
    const { data } = (await response.json()) as {
      data: { memory: { heap_bytes: number } }[];
    };
    const kernels = data[0]!.memory.heap_bytes;
    const { usedBytes, bufferBytes } = await worker.heap();
    assert.ok(kernels <= MAX_MEMORY_BYTES, `${kernels} bytes`);
    const isolate = kernels + usedBytes + bufferBytes;
    assert.ok(
      isolate <= MAX_ISOLATE_BYTES,
      `${kernels} + ${usedBytes} + ${bufferBytes} bytes`,
    );
  });

  test("chooses the size by the deadline", async () => {
    const unhurried = await ask(worker);
    assert.equal(unhurried.answer.model.input_size, 768);
    // Another place may be faster: the time is the size's own, cut short.
    const began = performance.now();
    await ask(worker, { input_size: 768 });
    const time = String(Math.ceil(0.75 * (performance.now() - began)));
    const hurried = await ask(worker, {}, { "Deadline-Ms": time });
    assert.ok([384, 512].includes(hurried.answer.model.input_size ?? 0), time);
  });

  test("answers two requests at once, one after the other", async () => {
    const answers = await Promise.all([
      ask(worker, { input_size: 384 }),
      ask(worker, { input_size: 384 }),
    ]);
    const [a, b] = answers.map(({ answer }) => answer.results[0]?.text);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
    assert.equal(a, b);
  });

  test("goes on after a client left in the middle of vision", async () => {
    const abort = new AbortController();
    const sent = await worker.fetch("/v1/analyze", {
      method: "POST",
      headers: { Accept: "text/event-stream" },
      body: formOf({ input_size: 768 }),
      signal: abort.signal,
    });
    assert.equal(sent.status, 200);
    // The first event comes before vision begins.
    const reader = sent.body!.getReader();
    await reader.read();
    abort.abort();
    await assert.rejects(async () => {
      for (;;) if ((await reader.read()).done) return;
    }, /abort/iu);
    const { status, answer } = await ask(worker, { input_size: 384 });
    assert.equal(status, 200, answer.detail);
  });
});

test("gives up decoding when the client leaves in the middle", async () => {
  const folder = mkdtempSync(join(tmpdir(), "florence-endless-"));
  cpSync(assets, folder, { recursive: true });
  // The model never ends on its own.
  const file = join(folder, "manifest.json");
  const manifest = JSON.parse(readFileSync(file, "utf8")) as {
    generation: { suppress_tokens: number[]; eos_token_id: number };
  };
  const { generation } = manifest;
  generation.suppress_tokens.push(generation.eos_token_id);
  writeFileSync(file, JSON.stringify(manifest));
  const worker = await startEdgeWorker(undefined, { config, assets: folder });
  try {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const abort = new AbortController();
    const sent = await worker.fetch("/v1/analyze", {
      method: "POST",
      headers: {
        Accept: "text/event-stream",
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      },
      body: formOf({ input_size: 384, beams: 1, max_tokens: 900 }),
      signal: abort.signal,
    });
    let events = "";
    await assert.rejects(async () => {
      const text = sent.body!.pipeThrough(new TextDecoderStream());
      for await (const part of text) {
        events += part;
        if (/^event: token$/mu.test(events)) abort.abort();
      }
    }, /abort/iu);
    assert.doesNotMatch(events, /^event: (?:result|done)$/mu);
    const line = (): string | undefined =>
      worker.logged().find((own) => own.includes(traceId));
    await worker.untilLogged(() => line() !== undefined);
    assert.match(line()!, /"outcome":"failed"/u);
    const { status, answer } = await ask(worker, { input_size: 384 });
    assert.equal(status, 200, answer.detail);
  } finally {
    await worker.close();
    rmSync(folder, { recursive: true });
  }
});

test("names a damaged file of weights", async () => {
  const folder = mkdtempSync(join(tmpdir(), "florence-damaged-"));
  cpSync(assets, folder, { recursive: true });
  const file = join(folder, "edge-003.bin");
  const bytes = readFileSync(file);
  bytes[100]! ^= 1;
  writeFileSync(file, bytes);
  const worker = await startEdgeWorker(undefined, { config, assets: folder });
  try {
    const { status, answer } = await ask(worker);
    assert.equal(status, 503);
    assert.equal(answer.code, "bundle_invalid");
    const log = worker.logged().join("\n");
    assert.match(`${answer.detail} ${log}`, /edge-003\.bin of static assets/u);
  } finally {
    await worker.close();
    rmSync(folder, { recursive: true });
  }
});
