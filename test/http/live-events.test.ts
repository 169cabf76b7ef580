// What is told of a job's image while it is answered.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "../../src/http/ports/database.ts";
import { FlorenceError } from "../../src/shared/errors.ts";
import type { FakeHost } from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";
import { ASKED, readJob, start } from "./job-service.ts";

/** Names of the events so far, row by row. */
async function rowsOf({ database }: FakeHost): Promise<readonly string[]> {
  const rows = await database.all(
    sql`SELECT event, data FROM job_events ORDER BY seq`,
  );
  return rows.map(({ event, data }) => {
    const { events = [] } = JSON.parse(String(data)) as {
      readonly events?: readonly (readonly [string, object])[];
    };
    return [event, ...events.map(([name]) => name)].join(" ");
  });
}

/** Lets what is under way come to its next wait. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
}

test("is written while the answer is still being made", async (context) => {
  const begun = Promise.withResolvers<undefined>();
  const gate = Promise.withResolvers<undefined>();
  const { host, request, drain } = await start({
    onEncode: async () => {
      begun.resolve(undefined);
      await gate.promise;
    },
  });
  await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const working = drain();
  await begun.promise;
  assert.deepEqual(await rowsOf(host), []);
  context.mock.timers.tick(500);
  await settle();
  assert.deepEqual(await rowsOf(host), ["live started"]);
  gate.resolve(undefined);
  await working;
  assert.deepEqual(await rowsOf(host), [
    "live started",
    "live vision_done token token token object",
    ...["result", "result", "done"],
  ]);
});

test("begins anew where an image is taken up again", async () => {
  let failures = 1;
  const { host, service, request, clock, drain } = await start({
    onEncode: () => {
      failures -= 1;
      return failures < 0
        ? Promise.resolve()
        : Promise.reject(
            new FlorenceError("engine_unavailable", "Not here.", {
              retryable: true,
            }),
          );
    },
  });
  const { id } = await readJob(await request("POST", "/v1/jobs", ASKED), 202);
  await drain();
  clock.nowMs += 120_000;
  await service.sweep();
  await drain();
  const rows = await rowsOf(host);
  assert.equal(rows[0], "live started vision_done token token token object");
  const job = await readJob(await request("GET", `/v1/jobs/${id}`));
  assert.equal(job.status, "completed");
});

test("is no more than the beginning for each of many images", async () => {
  const { host, request, drain } = await start();
  await host.bucket.put("local/boat.jpg", PHOTO, "image/jpeg");
  const image = { bucket_key: "local/boat.jpg" };
  const images = Array.from({ length: 17 }, () => image);
  const tasks = [{ task: "caption" }];
  const made = await request("POST", "/v1/batches", { images, tasks });
  await readJob(made, 202);
  await drain();
  const rows = await rowsOf(host);
  assert.equal(rows.filter((row) => row === "live started").length, 17);
  assert.equal(rows.filter((row) => row === "result").length, 17);
  assert.equal(rows.length, 17 + 17 + 1);
});
