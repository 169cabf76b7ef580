import assert from "node:assert/strict";
import { test } from "node:test";
import { createCheckedService } from "../checked-service.ts";
import {
  eventBlock,
  eventStream,
} from "../../../src/http/streaming/event-stream.ts";
import { wantsStream } from "../../../src/http/streaming/wants-stream.ts";
import { readEvents } from "../../contract/http/read-events.ts";
import { CASES } from "../../contract/http/streaming.ts";
import { createFakeHost } from "../../fakes/fake-host.ts";
import { appTarget } from "../app-target.ts";
import { PHOTO } from "../bad-images.ts";
import { readProblem } from "../requests.ts";

const limits = { maxImageBytes: 2_000_000, maxJsonBytes: 100_000 };
const host = { ...(await createFakeHost()), limits };
const { app } = createCheckedService(host);
const target = await appTarget(app, host);

for (const one of CASES) {
  test(one.name, async () => {
    await one.run(target);
  });
}

test("frees the engine when the client is gone", async () => {
  const aborted = Promise.withResolvers<unknown>();
  const stuck = await createFakeHost({
    onEncode: (signal) =>
      new Promise((_, reject) => {
        signal?.addEventListener("abort", () => {
          aborted.resolve(signal.reason);
          reject(new Error("aborted"));
        });
      }),
  });
  const { app: slow } = createCheckedService(stuck);
  const response = await slow.request("/v1/tasks/caption", {
    method: "POST",
    headers: { Accept: "text/event-stream" },
    body: PHOTO,
  });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  await aborted.promise;
});

test("ends with a problem where the work fails in the middle", async () => {
  const told: unknown[] = [];
  const failing = await createFakeHost({
    onEncode: () => Promise.reject(new Error("internal: a secret")),
    onFailure: (error) => told.push(error),
  });
  const { app: broken } = createCheckedService(failing);
  const response = await broken.request("/v1/tasks/caption", {
    method: "POST",
    headers: { Accept: "text/event-stream" },
    body: PHOTO,
  });
  const events = await readEvents(response);
  assert.deepEqual(
    events.map(({ event }) => event),
    ["started", "error"],
  );
  assert.equal(events[1]!.data["code"], "internal");
  assert.ok(!JSON.stringify(events).includes("secret"));
  assert.equal(told.length, 1);
});

test("answers with a status what is refused before the work begins", async () => {
  const response = await app.request("/v1/tasks/caption", {
    method: "POST",
    headers: { Accept: "text/event-stream" },
    body: new TextEncoder().encode("no picture"),
  });
  await readProblem(response, "unsupported_media_type");
});

test("keeps a silent connection open with comments", async () => {
  const work = Promise.withResolvers<undefined>();
  const response = await eventStream(
    async (write) => {
      await work.promise;
      write(eventBlock({}, { event: "done" }));
    },
    {
      onGone: () => undefined,
      describeError: String,
      heartbeatMs: 1,
    },
  );
  const reader = response.body!.getReader();
  const first = await reader.read();
  assert.equal(new TextDecoder().decode(first.value), ": waiting\n\n");
  work.resolve(undefined);
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    rest += new TextDecoder().decode(value);
  }
  assert.match(rest, /event: done/u);
});

const ACCEPTS: readonly (readonly [string | null, boolean])[] = [
  [null, false],
  ["*/*", false],
  ["application/json", false],
  ["text/event-stream", true],
  ["text/event-stream, */*", true],
  ["application/json, text/event-stream", false],
  ["text/event-stream, application/json", true],
  ["application/json;q=0.5, text/event-stream", true],
  ["text/event-stream;q=0.1, application/json", false],
  ["text/event-stream;q=0", false],
  ["text/html", false],
];

for (const [accept, expected] of ACCEPTS) {
  test(`${expected ? "streams" : "does not stream"} for Accept ${accept ?? "left out"}`, () => {
    const headers = accept === null ? {} : { Accept: accept };
    const request = new Request("http://localhost/", { headers });
    assert.equal(wantsStream(request), expected);
  });
}
