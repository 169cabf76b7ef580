import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "./checked-service.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { BAD_IMAGES, PHOTO } from "./bad-images.ts";
import {
  analyzeJson,
  analyzeParts,
  analyzeRaw,
  partsOf,
  readEnvelope,
  readProblem,
} from "./requests.ts";

const { app } = createCheckedService(await createFakeHost());

test("answers a raw image with one result for each task", async () => {
  const response = await analyzeRaw(app, "tasks=caption,detect");
  const envelope = await readEnvelope(response);
  assert.equal(envelope.object, "analysis");
  assert.equal(envelope.status, "completed");
  assert.deepEqual(
    envelope.results.map(({ id, task, status }) => [id, task, status]),
    [
      ["t0", "caption", "ok"],
      ["t1", "detect", "ok"],
    ],
  );
  assert.equal(envelope.results[0]!["text"], "a green boat");
  assert.equal(envelope.usage.vision_passes, 1);
  assert.equal(envelope.engine.used, "edge");
});

test("takes variants of a task after a colon", async () => {
  const response = await analyzeRaw(app, "tasks=caption:detailed,ocr:lines");
  const { results } = await readEnvelope(response);
  assert.equal(results[0]!["detail"], "detailed");
  assert.equal(results[1]!["layout"], "lines");
});

test("takes an image that says nothing of its type", async () => {
  const response = await app.request("/v1/analyze?tasks=caption", {
    method: "POST",
    body: PHOTO,
  });
  await readEnvelope(response);
});

test("takes a multipart body with an image and a request", async () => {
  const response = await analyzeParts(
    app,
    partsOf({ tasks: [{ task: "caption", id: "c" }], metadata: { a: "1" } }),
  );
  const envelope = await readEnvelope(response);
  assert.equal(envelope.results[0]!.id, "c");
  assert.deepEqual(envelope.metadata, { a: "1" });
});

test("takes JSON with the image in base64, URL-safe or not", async () => {
  const plain = Buffer.from(PHOTO).toString("base64");
  for (const base64 of [plain, Buffer.from(PHOTO).toString("base64url")]) {
    const response = await analyzeJson(app, {
      image: { base64, media_type: "image/jpeg" },
      tasks: [{ task: "caption" }],
    });
    await readEnvelope(response);
  }
});

test("gives the token ids when they are asked for", async () => {
  const response = await analyzeParts(
    app,
    partsOf({ tasks: [{ task: "caption" }], options: { include_raw: true } }),
  );
  const { results } = await readEnvelope(response);
  const raw = results[0]!["raw"] as { token_ids: number[] };
  assert.equal(raw.token_ids[0], 0);
  assert.equal(raw.token_ids.at(-1), 2);
});

test("reports timings as Server-Timing and a request id", async () => {
  const response = await analyzeRaw(app, "tasks=caption");
  assert.match(response.headers.get("Server-Timing") ?? "", /total;dur=0/u);
  assert.match(response.headers.get("X-Request-Id") ?? "", /^req_\d+$/u);
});

for (const { name, bytes, contentType, status, code } of BAD_IMAGES) {
  test(`refuses ${name} with ${code}`, async () => {
    const response = await analyzeRaw(app, "tasks=caption", bytes, {
      "Content-Type": contentType,
    });
    const problem = await readProblem(response, code);
    assert.equal(problem.status, status);
  });
}

test("names the nearest task and all tasks for a wrong name", async () => {
  const response = await analyzeRaw(app, "tasks=captoin");
  const { detail } = await readProblem(response, "unknown_task");
  assert.match(detail, /captoin/u);
  assert.match(detail, /caption/u);
  assert.match(detail, /detect_open/u);
});

test("points at the input a task lacks", async () => {
  const response = await analyzeParts(
    app,
    partsOf({ tasks: [{ task: "caption" }, { task: "ground" }] }),
  );
  const { errors } = await readProblem(response, "missing_task_input");
  assert.equal(errors?.[0]?.pointer, "/tasks/1/phrase");
});

test("says of a task that lacks input in the query how to give it", async () => {
  const response = await analyzeRaw(app, "tasks=ground");
  const { detail } = await readProblem(response, "missing_task_input");
  assert.match(detail, /phrase/u);
});

test("refuses a region outside the image", async () => {
  const box = { x_min: 0, y_min: 0, x_max: 5000, y_max: 10 };
  const response = await analyzeParts(
    app,
    partsOf({ tasks: [{ task: "describe_regions", regions: [{ box }] }] }),
  );
  await readProblem(response, "region_out_of_bounds");
});

test("makes one failed task a problem among the results", async () => {
  const box = { x_min: 0, y_min: 0, x_max: 5000, y_max: 10 };
  const response = await analyzeParts(
    app,
    partsOf({
      tasks: [
        { task: "caption" },
        { task: "describe_regions", regions: [{ box }] },
      ],
    }),
  );
  const envelope = await readEnvelope(response);
  assert.equal(envelope.status, "partial");
  assert.equal(envelope.results[1]!.status, "error");
});

test("refuses what it would otherwise ignore", async () => {
  const tasks = [{ task: "caption" }];
  const asked: readonly Record<string, unknown>[] = [
    { tasks, options: { model: "another" } },
    { tasks, options: { colour: "blue" } },
    { tasks, callback: { url: "https://example.com" } },
  ];
  for (const request of asked) {
    const response = await analyzeParts(app, partsOf(request));
    await readProblem(response, "invalid_request");
  }
  const options = { engine: "gpu", allow_fallback: false };
  const gpu = partsOf({ tasks, options });
  await readProblem(await analyzeParts(app, gpu), "engine_unavailable");
});

test("refuses query parameters it does not know", async () => {
  const unknown = await analyzeRaw(app, "tasks=caption&beams=3");
  const { detail } = await readProblem(unknown, "invalid_request");
  assert.match(detail, /"beams"/u);
  for (const query of ["", "tasks=", "tasks=caption&tasks=ocr"]) {
    await readProblem(await analyzeRaw(app, query), "invalid_request");
  }
});

test("reports a vision pass that fails as what it is", async () => {
  const told: unknown[] = [];
  const { app: broken } = createCheckedService(
    await createFakeHost({
      onEncode: () => Promise.reject(new Error("internal: a secret")),
      onFailure: (error) => told.push(error),
    }),
  );
  const response = await analyzeRaw(broken, "tasks=caption");
  const { detail, request_id: id } = await readProblem(response, "internal");
  assert.ok(!detail.includes("secret"));
  assert.ok(id !== undefined && detail.includes(id));
  assert.equal(told.length, 1);
});
