import assert from "node:assert/strict";
import { test } from "node:test";
import { openThreadPool } from "../../../src/data-engine/threads/thread-pool.ts";

const SCRIPT = new URL("add-thread.ts", import.meta.url);

async function run(jobs: readonly number[], stopAfter = Infinity) {
  const pool = await openThreadPool<number, number, number>(
    SCRIPT,
    { base: 100 },
    2,
  );
  const stop = new AbortController();
  const results: number[] = [];
  try {
    await pool.run(
      jobs,
      (result) => {
        results.push(result);
        if (results.length >= stopAfter) stop.abort();
        return Promise.resolve();
      },
      stop.signal,
    );
  } finally {
    await pool.close();
  }
  return { ready: pool.ready, results };
}

test("does every job once, over all threads", async () => {
  const jobs = [...Array(12).keys()];
  const { ready, results } = await run(jobs);
  assert.deepEqual(ready, [100, 100]);
  assert.deepEqual(
    results.toSorted((a, b) => a - b),
    jobs.map((job) => job + 100),
  );
});

test("hands out nothing more once it is stopped, and finishes what is begun", async () => {
  const { results } = await run([...Array(50).keys()], 4);
  assert.ok(results.length >= 4 && results.length <= 5, String(results));
});

test("gives the error of a job with its code", async () => {
  await assert.rejects(run([1, 13, 2]), {
    name: "FlorenceError",
    code: "invalid_request",
    message: "No 13.",
  });
});

test("gives the error of a thread that does not get ready", async () => {
  await assert.rejects(openThreadPool(SCRIPT, { base: -1 }, 2), {
    code: "not_found",
    message: "No base below 0.",
  });
});
