// What a host is told of requests, and the trace they stand in.

import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonLog } from "../../../src/http/observability/json-log.ts";
import type {
  AnalysisRecord,
  RequestRecord,
} from "../../../src/http/observability/telemetry.ts";
import { traceOf } from "../../../src/http/observability/trace-context.ts";
import { createCheckedService } from "../checked-service.ts";
import { createFakeHost } from "../../fakes/fake-host.ts";
import { PHOTO } from "../bad-images.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

async function start() {
  const requests: RequestRecord[] = [];
  const analyses: AnalysisRecord[] = [];
  const lines: string[] = [];
  const log = jsonLog(
    (line) => lines.push(line),
    () => 0,
  );
  const host = await createFakeHost();
  const { app } = createCheckedService({
    ...host,
    telemetry: {
      request: (record) => {
        requests.push(record);
        log.request?.(record);
      },
      analysis: (record) => {
        analyses.push(record);
        log.analysis?.(record);
      },
    },
  });
  const post = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    app.request(path, {
      method: "POST",
      headers: { "Content-Type": "image/jpeg", ...headers },
      body: PHOTO,
    });
  return { requests, analyses, lines, app, post };
}

test("goes on with the trace it is given, in a step of its own", () => {
  const trace = traceOf(`00-${TRACE}-${PARENT}-00`);
  assert.equal(trace.traceId, TRACE);
  assert.equal(trace.parentId, PARENT);
  assert.notEqual(trace.spanId, PARENT);
  assert.equal(trace.traceparent, `00-${TRACE}-${trace.spanId}-00`);
});

test("begins a trace where there is none that can be read", () => {
  for (const header of [
    null,
    "",
    "00-abc-def-01",
    `00-${"0".repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `01-${TRACE}-${PARENT}-01`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
  ]) {
    const trace = traceOf(header);
    assert.equal(trace.parentId, null);
    assert.notEqual(trace.traceId, TRACE);
    assert.match(trace.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/u);
  }
});

test("answers with the trace and tells of the request and its analysis", async () => {
  const { post, requests, analyses } = await start();
  const response = await post("/v1/analyze?tasks=caption,detect", {
    traceparent: `00-${TRACE}-${PARENT}-01`,
  });
  assert.equal(response.status, 200);
  const [record] = requests;
  assert.equal(requests.length, 1);
  assert.equal(
    response.headers.get("traceparent"),
    `00-${TRACE}-${record!.spanId}-01`,
  );
  assert.equal(record?.traceId, TRACE);
  assert.equal(record.parentId, PARENT);
  assert.equal(record.requestId, response.headers.get("X-Request-Id"));
  assert.equal(record.route, "/v1/analyze");
  assert.equal(record.status, 200);
  assert.equal(record.tenant, "local");
  assert.deepEqual(record.analyses, analyses);
  const [analysis] = analyses;
  assert.deepEqual(analysis?.tasks, ["caption", "detect"]);
  assert.equal(analysis.imageBytes, PHOTO.length);
  assert.ok((analysis.image?.width ?? 0) > 0);
  assert.equal(analysis.outcome, "completed");
  assert.equal(analysis.engine, "edge");
  assert.ok(analysis.outputTokens > 0);
});

test("tells of a stream once it has ended", async () => {
  const { post, requests } = await start();
  const response = await post("/v1/tasks/caption", {
    Accept: "text/event-stream",
  });
  await response.text();
  assert.equal(requests.length, 1);
  assert.equal(requests[0]?.route, "/v1/tasks/{task}");
  assert.equal(requests[0].analyses[0]?.outcome, "completed");
});

test("tells the code of a refusal, and no path that nobody serves", async () => {
  const { app, post, requests } = await start();
  await post("/v1/analyze?tasks=nonsense");
  await app.request("/secret-in-a-path");
  await app.request("/v1/analyze");
  assert.deepEqual(
    requests.map(({ route, status, code }) => [route, status, code]),
    [
      ["/v1/analyze", 422, "unknown_task"],
      [null, 404, "not_found"],
      ["/v1/analyze", 405, "method_not_allowed"],
    ],
  );
});

test("writes one line a request, without queries, phrases or pictures", async () => {
  const { app, lines } = await start();
  const base64 = Buffer.from(PHOTO).toString("base64");
  const response = await app.request("/v1/analyze", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: "Bearer a-very-secret-key",
    },
    body: JSON.stringify({
      image: { base64 },
      tasks: [{ task: "ground", phrase: "a private phrase" }],
      metadata: { order: "A-17" },
    }),
  });
  await response.text();
  await app.request("/v1/analyses/an_1?signature=topsecret");
  assert.equal(lines.length, 2);
  const [first = ""] = lines;
  const line = JSON.parse(first) as Record<string, unknown>;
  assert.equal(line["event"], "request");
  assert.equal(line["time"], "1970-01-01T00:00:00.000Z");
  const all = lines.join("\n");
  for (const secret of [
    "topsecret",
    "a private phrase",
    "a-very-secret-key",
    "A-17",
    base64.slice(0, 40),
  ]) {
    assert.ok(!all.includes(secret), `${secret} is in the log`);
  }
});
