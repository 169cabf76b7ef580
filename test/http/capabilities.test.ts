import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "./checked-service.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { readProblem } from "./requests.ts";

const { app } = createCheckedService(await createFakeHost());

test("lists all 15 tasks, each with JSON Schemas and an example", async () => {
  const data = await list("/v1/tasks");
  assert.equal(data.length, 15);
  for (const task of data) {
    assert.match(String(task["token"]), /^<[A-Z_]+>$/u);
    const schema = task["request_schema"] as { type: string };
    assert.equal(schema.type, "object");
    assert.equal(typeof task["result_schema"], "object");
    assert.equal(typeof task["example"], "object");
  }
  const spellings = data.map(({ task }) => task);
  assert.ok(spellings.includes("caption:detailed"));
  assert.ok(spellings.includes("ocr:lines"));
});

test("says which models answer a task", async () => {
  const data = await list("/v1/tasks");
  const caption = data.find(({ task }) => task === "caption");
  assert.deepEqual(caption?.["models"], ["fake"]);
});

test("lists models and engines", async () => {
  const [model] = await list("/v1/models");
  assert.deepEqual([model?.["id"], model?.["default"]], ["fake", true]);
  const [engine] = await list("/v1/engines");
  assert.deepEqual([engine?.["engine"], engine?.["status"]], ["edge", "ready"]);
});

test("answers HEAD as GET, without a body", async () => {
  const response = await app.request("/v1/models", { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "");
});

test("is live whatever the model, ready only with it", async () => {
  const ready = await app.request("/v1/health/ready");
  assert.deepEqual(await ready.json(), { status: "ready", model: "fake" });
  const loadError = new FlorenceError("bundle_invalid", "A file is missing.");
  const { app: broken } = createCheckedService(
    await createFakeHost({ loadError }),
  );
  const live = await broken.request("/v1/health/live");
  assert.deepEqual(await live.json(), { status: "live" });
  const unready = await broken.request("/v1/health/ready");
  assert.equal(unready.status, 503);
  await readProblem(unready, "bundle_invalid");
});

async function list(
  path: string,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const response = await app.request(path);
  assert.equal(response.status, 200);
  const { object, data } = (await response.json()) as {
    object: string;
    data: Record<string, unknown>[];
  };
  assert.equal(object, "list");
  return data;
}
