// The Worker as it is deployed, over HTTP: real model, real decoders, workerd.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request as openRequest, type ClientRequest } from "node:http";
import { json } from "node:stream/consumers";
import { after, before, test } from "node:test";
import type { Box } from "../../src/shared/geometry.ts";
import { BAD_IMAGES, PHOTO, PHOTO_PNG } from "../http/bad-images.ts";
import { startEdgeWorker, type EdgeWorker } from "./edge-worker.ts";

/** A street with cars. */
const STREET = new Uint8Array(
  readFileSync(new URL("../../examples/photos/street.jpg", import.meta.url)),
);

/** As `edge-host.ts` has it. */
const MAX_WAITING = 8;

let worker: EdgeWorker;

before(async () => {
  worker = await startEdgeWorker();
});
after(() => worker.close());

test("is live and ready", async () => {
  const live = await worker.fetch("/v1/health/live");
  assert.deepEqual(await live.json(), { status: "live" });
  const ready = await worker.fetch("/v1/health/ready");
  assert.equal(ready.status, 200, await ready.clone().text());
});

test("says which kernels run only once they do", async () => {
  const response = await worker.fetch("/v1/engines");
  const { data } = (await response.json()) as {
    data: { status: string; kernels?: string }[];
  };
  const [engine] = data;
  assert.equal(engine!.kernels !== undefined, engine!.status === "ready");
});

test("captions and detects a raw photo", async () => {
  const response = await analyze("caption,detect", STREET);
  const { image, results, ...envelope } = await readEnvelope(response);
  assert.equal(envelope.status, "completed");
  const [caption, detect] = results;
  assert.match(caption?.text ?? "", /\w/u);
  const objects = detect?.objects ?? [];
  assert.ok(objects.some(({ label }) => label === "car"));
  for (const { box } of objects) {
    assert.ok(0 <= box.x_min && box.x_min <= box.x_max);
    assert.ok(box.x_max <= image.width);
    assert.ok(0 <= box.y_min && box.y_min <= box.y_max);
    assert.ok(box.y_max <= image.height);
  }
  assert.equal(envelope.usage.vision_passes, 1);
  assert.equal(envelope.engine.used, "edge");
  assert.match(response.headers.get("X-Request-Id") ?? "", /^req_/u);
  assert.match(response.headers.get("Server-Timing") ?? "", /total;dur=/u);
});

test("answers a multipart body as it answers the raw photo", async () => {
  const form = new FormData();
  form.set("image", new Blob([PHOTO_PNG]), "photo.png");
  form.set("request", JSON.stringify({ tasks: [{ task: "caption" }] }));
  const response = await worker.fetch("/v1/analyze", {
    method: "POST",
    body: form,
  });
  const parts = await readEnvelope(response);
  const raw = await readEnvelope(await analyze("caption", PHOTO_PNG));
  assert.equal(parts.results[0]!.text, raw.results[0]!.text);
});

for (const { name, bytes, contentType, status, code } of BAD_IMAGES) {
  test(`refuses ${name} with ${code}`, async () => {
    const response = await worker.fetch("/v1/analyze?tasks=caption", {
      method: "POST",
      headers: { "Content-Type": contentType },
      body: bytes,
    });
    const problem = await readProblem(response);
    assert.equal(problem.code, code);
    assert.equal(response.status, status);
    assert.match(problem.detail, /\. \w/u, "says what to do");
  });
}

test("refuses a body of 25 MB by its stated length", async () => {
  const { promise, resolve, reject } = Promise.withResolvers<Problem>();
  const sent = openRequest(new URL("/v1/analyze?tasks=caption", worker.url), {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", "Content-Length": 25_000_000 },
    agent: false,
  });
  sent.on("error", reject);
  sent.on("response", (answer) => {
    json(answer).then((problem) => {
      resolve(problem as Problem);
    }, reject);
  });
  // The rest never comes: whoever read it all would wait for ever.
  sent.write(new Uint8Array(65_536));
  const problem = await promise;
  sent.destroy();
  assert.equal(problem.code, "image_too_large");
  assert.match(problem.detail, /25 MB.*20 MB/u);
});

test("names the nearest task for a wrong name", async () => {
  const problem = await readProblem(await analyze("captoin"));
  assert.equal(problem.code, "unknown_task");
  assert.match(problem.detail, /captoin.*caption/u);
});

test("says which phrase is missing, with an example", async () => {
  const problem = await readProblem(await analyze("ground"));
  assert.equal(problem.code, "missing_task_input");
  assert.match(problem.detail, /phrase/u);
});

test("refuses a region outside the image", async () => {
  const box = { x_min: 10, y_min: 10, x_max: 99_999, y_max: 40 };
  const regions = [{ id: "r1", box }];
  const form = new FormData();
  form.set("image", new Blob([PHOTO]), "photo.jpg");
  const request = { tasks: [{ task: "describe_regions", regions }] };
  form.set("request", JSON.stringify(request));
  const response = await worker.fetch("/v1/analyze", {
    method: "POST",
    body: form,
  });
  const problem = await readProblem(response);
  // A model that does not know the task may say so first.
  assert.ok(
    ["region_out_of_bounds", "unsupported_task"].includes(problem.code),
    problem.code,
  );
});

test("answers concurrent requests, each its own photo", async () => {
  const alone = await Promise.all(
    [PHOTO, PHOTO_PNG].map(async (photo) =>
      readEnvelope(await analyze("caption", photo)),
    ),
  );
  const photos = [PHOTO, PHOTO_PNG, PHOTO, PHOTO_PNG];
  const together = await Promise.all(
    photos.map(async (photo) => readEnvelope(await analyze("caption", photo))),
  );
  for (const [index, envelope] of together.entries()) {
    const own = alone[index % 2]!;
    assert.equal(envelope.image.sha256, own.image.sha256);
    assert.equal(envelope.results[0]!.text, own.results[0]!.text);
  }
});

// A picture nobody has seen: what was seen is answered before a clock ticks.
test("stops at the deadline and says so", async () => {
  const response = await analyze("caption", unseen(), {
    "Deadline-Ms": "1",
  });
  const problem = await readProblem(response);
  assert.equal(problem.code, "deadline_exceeded");
  assert.equal(response.status, 504);
});

test("goes on serving after a client has left in the middle", async () => {
  for (let round = 0; round < 3; round += 1) {
    const leaving = new AbortController();
    const left = worker.fetch("/v1/analyze?tasks=caption,detect", {
      method: "POST",
      headers: { "Content-Type": "image/jpeg" },
      body: unseen(),
      signal: leaving.signal,
    });
    // The answer to a second request shows that the first is under way.
    await worker.fetch("/v1/health/live");
    leaving.abort();
    await assert.rejects(left);
  }
  const envelope = await readEnvelope(await analyze("caption"));
  assert.equal(envelope.status, "completed");
});

// workerd tells a Worker of a connection that was reset. One that is only closed
// may still be read from, for all that TCP says: it is noticed at the next
// write, as that of a stream is.
test("gives up the work of clients whose connections broke off", async () => {
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  // One at work, and as many as may wait: the next one is refused.
  const form = new FormData();
  form.set("image", new Blob([STREET]), "street.jpg");
  // Each with a vision pass of its own and a look at several things, or the first
  // would be done before all are asked.
  const segment = { task: "segment", phrase: "the car" };
  const request = { tasks: [segment], options: { cache: "off" } };
  form.set("request", JSON.stringify(request));
  const asked = new Response(form);
  const headers = {
    "Content-Type": asked.headers.get("Content-Type")!,
    traceparent: `00-${traceId}-b7ad6b7169203331-01`,
  };
  const body = await asked.bytes();
  const left = Array.from({ length: 1 + MAX_WAITING }, () =>
    post("/v1/analyze", headers, body),
  );
  const soon = { "Deadline-Ms": "1" };
  while ((await analyze("caption", PHOTO, soon)).status !== 503);
  for (const one of left) one.socket?.resetAndDestroy();
  const codes = (): readonly unknown[] =>
    worker
      .logged()
      .filter((line) => line.includes(traceId))
      .map((line) => (JSON.parse(line) as { readonly code?: string }).code);
  await worker.untilLogged(() => codes().length === left.length);
  assert.deepEqual(
    codes(),
    left.map(() => "deadline_exceeded"),
  );
  const envelope = await readEnvelope(await analyze("caption"));
  assert.equal(envelope.status, "completed");
});

test("the same isolate has answered all of this", async () => {
  const response = await worker.fetch("/v1/engines");
  const { data } = (await response.json()) as {
    data: {
      status: string;
      kernels: string;
      memory: { heap_bytes: number };
    }[];
  };
  assert.equal(data[0]!.status, "ready");
  assert.ok(["dot", "pair", "plain"].includes(data[0]!.kernels));
  assert.ok(data[0]!.memory.heap_bytes > 0);
});

/** Another file each time: a comment stands behind the picture's end. */
function unseen(): Uint8Array<ArrayBuffer> {
  const comment = Buffer.from(crypto.randomUUID());
  return new Uint8Array(Buffer.concat([STREET, comment]));
}

function analyze(
  tasks: string,
  photo = PHOTO,
  headers: Record<string, string> = {},
): Promise<Response> {
  return worker.fetch(`/v1/analyze?tasks=${tasks}`, {
    method: "POST",
    headers: { "Content-Type": "image/jpeg", ...headers },
    body: photo,
  });
}

/** A body on a connection of its own; nobody awaits the answer. */
function post(
  path: string,
  headers: Record<string, string>,
  body: Uint8Array,
): ClientRequest {
  const sent = openRequest(new URL(path, worker.url), {
    method: "POST",
    headers,
    agent: false,
  });
  sent.on("error", () => undefined); // it is broken off
  sent.end(body);
  return sent;
}

interface Envelope {
  readonly status: string;
  readonly image: {
    readonly sha256: string;
    readonly width: number;
    readonly height: number;
  };
  readonly results: readonly {
    readonly task: string;
    readonly status: string;
    readonly text?: string;
    readonly objects?: readonly { readonly label: string; readonly box: Box }[];
  }[];
  readonly usage: { readonly vision_passes: number };
  readonly engine: { readonly used: string };
}

async function readEnvelope(response: Response): Promise<Envelope> {
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Envelope;
}

interface Problem {
  readonly code: string;
  readonly detail: string;
}

async function readProblem(response: Response): Promise<Problem> {
  const type = response.headers.get("Content-Type");
  assert.equal(type, "application/problem+json");
  return (await response.json()) as Problem;
}
