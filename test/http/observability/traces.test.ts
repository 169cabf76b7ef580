// A trace goes from the request through its job to the delivery.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnalysisRecord } from "../../../src/http/observability/telemetry.ts";
import { createCheckedService } from "../checked-service.ts";
import { createFakeHost } from "../../fakes/fake-host.ts";
import { PHOTO } from "../bad-images.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";

test("carries the trace of a job to its analysis and its delivery", async () => {
  const delivered: Request[] = [];
  const analyses: AnalysisRecord[] = [];
  const host = await createFakeHost({
    config: { address_exemptions: ["receiver.test"] },
    outbound: {
      fetch: (request) => {
        delivered.push(request);
        return Promise.resolve(new Response("ok"));
      },
      resolve: () => Promise.resolve(["127.0.0.1"]),
    },
  });
  const service = createCheckedService({
    ...host,
    telemetry: { analysis: (record) => analyses.push(record) },
  });
  const response = await service.app.request("/v1/jobs", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      traceparent: `00-${TRACE}-b7ad6b7169203331-01`,
    },
    body: JSON.stringify({
      image: { base64: Buffer.from(PHOTO).toString("base64") },
      tasks: [{ task: "caption" }],
      callback: {
        url: "https://receiver.test/hook",
        events: ["analysis.completed"],
      },
    }),
  });
  assert.equal(response.status, 202, await response.text());
  for (;;) {
    const message = host.sent.shift();
    if (message === undefined) break;
    await service.consume(message);
  }
  assert.equal(analyses[0]?.traceId, TRACE);
  assert.equal(analyses[0].isOfRequest, false);
  assert.equal(delivered.length, 1);
  const header = delivered[0]?.headers.get("traceparent");
  assert.equal(header, response.headers.get("traceparent"));
  assert.ok(header?.startsWith(`00-${TRACE}-`));
});
