import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { createService } from "../../../src/http/service.ts";
import { EVENT_TYPES } from "../../../src/http/webhooks/event-statements.ts";
import { PROBLEMS } from "../../../src/shared/schema/problem.ts";
import { TASKS } from "../../../src/shared/tasks/index.ts";
import { createFakeHost } from "../../fakes/fake-host.ts";

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, DescribedOperation>>;
  readonly webhooks: Record<string, object>;
  readonly components: { readonly schemas: Record<string, object> };
  readonly servers: readonly { readonly url: string }[];
}

interface DescribedOperation {
  readonly operationId: string;
  readonly security: readonly object[];
  readonly responses: Record<
    string,
    {
      readonly headers?: Record<string, object>;
      readonly content?: Record<
        string,
        { readonly examples?: Record<string, { value: { code: string } }> }
      >;
    }
  >;
}

const { app } = createService(await createFakeHost());
const document = (await (
  await app.request("/openapi.json")
).json()) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({
    path,
    method,
    operation,
  })),
);

test("is valid OpenAPI 3.1", async () => {
  const validator = new Validator();
  const result = await validator.validate({ ...structuredClone(document) });
  assert.deepEqual(result.errors ?? [], []);
  assert.equal(result.valid, true);
  assert.equal(validator.version, "3.1");
});

test("describes every path that is served, itself included", async () => {
  const nowhere = await app.request("/nowhere");
  const { detail } = (await nowhere.json()) as { detail: string };
  for (const path of Object.keys(document.paths)) {
    assert.ok(detail.includes(path), path);
  }
  assert.ok("/openapi.json" in document.paths);
});

test("gives operations ids of their own", () => {
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length, ids.join(" "));
});

test("names every task's request and result", () => {
  const names = Object.keys(document.components.schemas);
  for (const name of ["CaptionTask", "CaptionDetailedTask", "OcrLinesResult"]) {
    assert.ok(names.includes(name), name);
  }
  assert.equal(
    names.filter((name) => name.endsWith("Task")).length,
    TASKS.length,
  );
});

test("describes each event that is sent as a webhook", () => {
  assert.deepEqual(
    Object.keys(document.webhooks).sort(),
    [...EVENT_TYPES].sort(),
  );
});

test("refers only to what is there", () => {
  const references = JSON.stringify(document).matchAll(
    /"\$ref":"#\/components\/(\w+)\/([^"]+)"/gu,
  );
  const components = document.components as unknown as Record<string, object>;
  let count = 0;
  for (const [, kind, name] of references) {
    assert.ok(name! in components[kind!]!, `${kind!}/${name!}`);
    count += 1;
  }
  assert.ok(count > 50, String(count));
});

test("gives an example of each error under its status", () => {
  for (const { path, method, operation } of operations) {
    for (const [status, { content }] of Object.entries(operation.responses)) {
      if (Number(status) < 400) continue;
      const problems = content?.["application/problem+json"];
      // The agents' protocols have errors of their own.
      if (problems === undefined && path !== "/v1/analyze") continue;
      const codes = Object.values(problems?.examples ?? {}).map(
        ({ value }) => value.code,
      );
      assert.ok(codes.length > 0, `${method} ${path} ${status}`);
      for (const code of codes) {
        const problem = PROBLEMS[code as keyof typeof PROBLEMS];
        assert.equal(problem.status, Number(status), code);
      }
    }
  }
});

test("tells of replayed answers, and of when to come back", () => {
  const analyze = document.paths["/v1/analyze"]!["post"]!.responses;
  const named = (status: string): readonly string[] =>
    Object.keys(analyze[status]?.headers ?? {});
  for (const status of ["200", "202", "422"]) {
    assert.ok(named(status).includes("Idempotency-Replayed"), status);
  }
  for (const status of ["409", "429", "503"]) {
    assert.ok(named(status).includes("Retry-After"), status);
  }
  assert.ok(!named("500").includes("Idempotency-Replayed"));
});

test("asks for a key everywhere but at what is public or signed", () => {
  const open = operations
    .filter(({ operation }) => operation.security.length === 0)
    .map(({ path }) => path);
  assert.ok(open.includes("/openapi.json"));
  assert.ok(open.includes("/v1/health/live"));
  assert.ok(!open.includes("/v1/analyze"));
});

test("shows the document as a page without scripts", async () => {
  const response = await app.request("/docs");
  assert.match(response.headers.get("Content-Type") ?? "", /^text\/html/u);
  assert.match(
    response.headers.get("Content-Security-Policy") ?? "",
    /default-src 'none'/u,
  );
  const page = await response.text();
  assert.ok(!page.includes("<script"));
  for (const { path, operation } of operations) {
    assert.ok(page.includes(path), path);
    assert.ok(page.includes(`id="${operation.operationId}"`));
  }
  assert.ok(page.includes("Events we send"));
  for (const [, name] of page.matchAll(/href="#([\w-]+)"/gu)) {
    assert.ok(page.includes(`id="${name!}"`), name);
  }
});
