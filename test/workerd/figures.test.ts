// What Cloudflare's Analytics Engine is told of requests and jobs.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnalysisRecord } from "../../src/http/observability/telemetry.ts";
import { createService } from "../../src/http/service.ts";
import {
  figuresTelemetry,
  type FigureSink,
} from "../../workers/edge/figures.ts";
import { createFakeHost } from "../fakes/fake-host.ts";
import { analyzeRaw } from "../http/requests.ts";

type Point = Parameters<FigureSink["writeDataPoint"]>[0];

test("writes a data point for each request, with no tenant in it", async () => {
  const points: Point[] = [];
  const telemetry = figuresTelemetry({
    writeDataPoint: (point) => points.push(point),
  });
  const host = await createFakeHost();
  const { app } = createService({ ...host, telemetry });
  const answer = await analyzeRaw(app, "tasks=caption,detect");
  await answer.text();
  const refused = await analyzeRaw(app, "tasks=captoin");
  await refused.text();
  assert.equal(points.length, 2);
  const [good, bad] = points;
  assert.deepEqual(good!.indexes, ["/v1/analyze"]);
  assert.deepEqual(good!.blobs, [
    ...["request", "/v1/analyze", "200", ""],
    ...["caption,detect", "edge"],
  ]);
  const [, images, passes, tokens] = good!.doubles;
  assert.deepEqual([images, passes], [1, 1]);
  assert.ok(tokens! > 0);
  assert.equal(bad!.blobs[2], "422");
  assert.equal(bad!.blobs[3], "unknown_task");
  assert.ok(!JSON.stringify(points).includes("local"));
});

test("writes one for an analysis that no request waited for", () => {
  const points: Point[] = [];
  const { analysis } = figuresTelemetry({
    writeDataPoint: (point) => points.push(point),
  });
  const record: Omit<AnalysisRecord, "isOfRequest"> = {
    traceId: null,
    tenant: "shop",
    tasks: ["caption"],
    image: null,
    imageBytes: null,
    outcome: "failed",
    code: "url_fetch_failed",
    engine: null,
    model: null,
    ms: 12,
    timings: {},
    visionPasses: 0,
    promptTokens: 0,
    outputTokens: 0,
  };
  analysis!({ ...record, isOfRequest: true });
  assert.equal(points.length, 0);
  analysis!({ ...record, isOfRequest: false });
  assert.deepEqual(points[0]!.blobs, [
    ...["analysis", "none", "failed", "url_fetch_failed"],
    ...["caption", "none"],
  ]);
});

test("writes one for a bucket event that was given up, with no tenant in it", () => {
  const points: Point[] = [];
  const { deadEvent } = figuresTelemetry({
    writeDataPoint: (point) => points.push(point),
  });
  deadEvent?.({ id: "dead_1", tenant: "shop", code: "quota_exceeded" });
  assert.equal(points.length, 1);
  assert.deepEqual(points[0]!.blobs.slice(0, 4), [
    ...["dead_event", "none", "dead", "quota_exceeded"],
  ]);
  assert.ok(!JSON.stringify(points).includes("shop"));
});
