// Many pictures, a busy service, and answers that take longer.

import assert from "node:assert/strict";
import type { Bench, CaseGroup } from "./bench.ts";
import type { Flow } from "./flows.ts";
import type { Item } from "./operation-cases.ts";

const PHOTO = "bear.jpg";
const DETECT = { resource: "object", operation: "detect" };

const FLOWS: readonly Flow[] = [
  {
    id: "many200",
    credential: "scriptedFront",
    code: "return Array.from({ length: 200 }, () => $input.first());",
    parameters: { ...DETECT, options: { batchSize: 16, batchInterval: 10 } },
  },
  { id: "busy", credential: "front", parameters: DETECT },
  {
    id: "impatient",
    credential: "front",
    parameters: { ...DETECT, options: { retries: 1 } },
  },
  {
    id: "jobwait",
    credential: "box",
    parameters: { ...DETECT, options: { asJob: "wait", model: "default" } },
  },
  {
    id: "jobstart",
    credential: "box",
    parameters: { ...DETECT, options: { asJob: "start" } },
  },
];

export const LOAD: CaseGroup = {
  flows: FLOWS,
  async check(bench) {
    const { test, ask } = bench;
    await test("200 items in batches of 16, in their order", () =>
      checkMany(bench));
    for (const status of [503, 429]) {
      await test(`busy: ${status} is tried again after Retry-After`, () =>
        checkPatience(bench, status));
    }
    await test("busy: gives up after its retries, says how long to wait", async () => {
      busy(bench, 429, "1");
      const { error } = await bench.run("impatient", PHOTO);
      assert.equal(bench.front.passed.length, 2);
      assert.match(error?.message ?? "", /^Too busy: Later\./u);
      assert.match(error?.description ?? "", /to wait 1 s/u);
      bench.front.instead = null;
    });
    await test("busy: a long wait is told, not waited for", async () => {
      busy(bench, 503, "7200");
      const { error } = await bench.run("busy", PHOTO);
      assert.equal(bench.front.passed.length, 1);
      assert.match(error?.description ?? "", /to wait 7200 s/u);
      bench.front.instead = null;
    });
    await test("job: waits for its answer", async () => {
      const [item] = await ask("jobwait", PHOTO);
      assert.equal(item?.["count"], 1);
    });
    await test("job: is started only", async () => {
      const [item] = await ask("jobstart", PHOTO);
      assert.equal(item?.["object"], "job");
      assert.match(String(item["id"]), /^job_/u);
    });
  },
};

async function checkMany({ ask, latest, scriptedFront }: Bench): Promise<void> {
  scriptedFront.forget();
  const items: Item[] = await ask("many200", PHOTO);
  assert.equal(items.length, 200);
  assert.ok(items.every(({ count }) => count === 2));
  assert.equal(scriptedFront.passed.length, 200);
  assert.ok(scriptedFront.mostAtOnce > 1 && scriptedFront.mostAtOnce <= 16);
  const kept = (await latest("many200")).items["Florence"] ?? [];
  assert.deepEqual(
    kept.map(({ pairedItem }) => pairedItem?.item),
    items.map((_, at) => at),
  );
}

/** Twice busy, then not: three requests, a second apart at least. */
async function checkPatience(
  { ask, front }: Bench,
  status: number,
): Promise<void> {
  front.forget();
  front.instead = () =>
    front.passed.length <= 2 ? refusal(status, "1") : null;
  const [item] = await ask("busy", PHOTO, {
    name: `busy with ${status}`,
  });
  front.instead = null;
  assert.equal(item?.["count"], 1);
  const [first = 0, second = 0, third = 0] = front.passed.map(
    ({ atMs }) => atMs,
  );
  assert.equal(front.passed.length, 3);
  assert.ok(second - first >= 1000 && third - second >= 1000);
}

function busy({ front }: Bench, status: number, retryAfter: string): void {
  front.forget();
  front.instead = () => refusal(status, retryAfter);
}

function refusal(status: number, retryAfter: string): Response {
  return Response.json(
    { title: "Too busy", detail: "Later.", code: "rate_limited" },
    { status, headers: { "Retry-After": retryAfter } },
  );
}
