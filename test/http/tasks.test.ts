import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "./checked-service.ts";
import { TASKS } from "../../src/shared/tasks/index.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import { readEnvelope, readProblem } from "./requests.ts";

const { app } = createCheckedService(await createFakeHost());

for (const { spelling, name, example } of TASKS) {
  test(`answers ${spelling} with its example`, async () => {
    const { task, ...fields } = example as Record<string, unknown>;
    assert.equal(task, name);
    const box = { x_min: 1, y_min: 1, x_max: 40, y_max: 40 };
    const envelope = await readEnvelope(
      await askJson(spelling, {
        ...fields,
        ...("regions" in fields && { regions: [{ id: "r", box }] }),
        // The test before has asked of the same picture.
        options: { cache: "off" },
      }),
    );
    assert.equal(envelope.results.length, 1);
    assert.equal(envelope.results[0]!.task, name);
    assert.equal(envelope.usage.vision_passes, 1);
  });
}

test("takes a raw image, its text fields in the query", async () => {
  const ground = await askRaw("ground?phrase=a%20green%20boat");
  assert.equal((await readEnvelope(ground)).results[0]!.task, "ground");
  const open = await askRaw("detect_open?labels=boat,dog");
  const [result] = (await readEnvelope(open)).results;
  const labels = result!["labels"] as { label: string }[];
  assert.deepEqual(
    labels.map(({ label }) => label),
    ["boat", "dog"],
  );
});

test("takes a multipart body with an image and a request", async () => {
  const form = new FormData();
  form.set("image", new Blob([PHOTO]), "photo.jpg");
  form.set(
    "request",
    JSON.stringify({ id: "mine", metadata: { order: "A-17" } }),
  );
  const response = await app.request("/v1/tasks/caption:full", {
    method: "POST",
    body: form,
  });
  const envelope = await readEnvelope(response);
  assert.equal(envelope.results[0]!.id, "mine");
  assert.equal(envelope.results[0]!["detail"], "full");
  assert.deepEqual(envelope.metadata, { order: "A-17" });
});

test("lets the body choose a variant the path leaves open", async () => {
  const response = await askJson("caption", { detail: "detailed" });
  const { results } = await readEnvelope(response);
  assert.equal(results[0]!["detail"], "detailed");
});

test("takes a path whose colon is escaped", async () => {
  const { results } = await readEnvelope(await askRaw("ocr%3Alines"));
  assert.equal(results[0]!["layout"], "lines");
});

test("refuses a body that contradicts the path", async () => {
  const variant = await askJson("caption:full", { detail: "short" });
  const { errors } = await readProblem(variant, "invalid_request");
  assert.equal(errors?.[0]?.pointer, "/detail");
  const task = await askJson("caption", { task: "ocr" });
  await readProblem(task, "invalid_request");
});

test("names the nearest task for a wrong one in the path", async () => {
  const { detail } = await readProblem(await askRaw("captoin"), "unknown_task");
  assert.match(detail, /Did you mean caption\?/u);
  await readProblem(await askRaw("vqa"), "unsupported_task");
});

test("points into the body that was sent, not into a list of tasks", async () => {
  const missing = await askJson("detect_open", {});
  const { errors, detail } = await readProblem(missing, "missing_task_input");
  assert.equal(errors?.[0]?.pointer, "/labels");
  assert.match(detail, /^Task detect_open needs labels/u);
  const unknown = await askJson("caption", { colour: "blue" });
  const problem = await readProblem(unknown, "invalid_request");
  assert.equal(problem.errors?.[0]?.pointer, "/colour");
  const options = await askJson("caption", { options: { beams: 99 } });
  const wrong = await readProblem(options, "invalid_request");
  assert.equal(wrong.errors?.[0]?.pointer, "/options/beams");
});

test("refuses query parameters the task does not take", async () => {
  for (const query of ["phrase=a", "beams=2", "detail=short&detail=full"]) {
    await readProblem(await askRaw(`caption?${query}`), "invalid_request");
  }
  const both = await app.request("/v1/tasks/ground?phrase=a", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  });
  await readProblem(both, "invalid_request");
});

async function askRaw(path: string): Promise<Response> {
  return await app.request(`/v1/tasks/${path}`, {
    method: "POST",
    body: PHOTO,
  });
}

async function askJson(path: string, fields: object): Promise<Response> {
  return await app.request(`/v1/tasks/${path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      image: { base64: Buffer.from(PHOTO).toString("base64") },
      ...fields,
    }),
  });
}
