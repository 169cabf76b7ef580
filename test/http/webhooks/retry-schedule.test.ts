import assert from "node:assert/strict";
import { test } from "node:test";
import { retryAfterMs } from "../../../src/http/webhooks/retry-after.ts";
import {
  RETRY_DELAYS_MS,
  retryDelayMs,
} from "../../../src/http/webhooks/retry-schedule.ts";

test("waits longer and longer, for more than a day, and then no more", () => {
  let totalMs = 0;
  for (let attempts = 1; attempts <= RETRY_DELAYS_MS.length; attempts += 1) {
    const least = retryDelayMs(attempts, 0)!;
    const most = retryDelayMs(attempts, 1)!;
    assert.ok(most > least && most <= least * 1.1);
    totalMs += least;
  }
  assert.ok(totalMs > 24 * 3600_000);
  assert.equal(retryDelayMs(RETRY_DELAYS_MS.length + 1, 0), null);
});

test("waits as long as a receiver asks, within the longest wait there is", () => {
  const [first = 0] = RETRY_DELAYS_MS;
  const longest = Math.max(...RETRY_DELAYS_MS);
  assert.equal(retryDelayMs(1, 0, 120_000), 120_000);
  assert.equal(retryDelayMs(1, 0, 1), first);
  assert.equal(retryDelayMs(1, 0, 1e12), longest);
  assert.equal(retryDelayMs(RETRY_DELAYS_MS.length + 1, 0, 1000), null);
});

test("reads Retry-After as seconds and as a date, of 429 and 503 only", () => {
  const nowMs = Date.UTC(2026, 10, 25, 12);
  const asked = (status: number, value: string): number | null =>
    retryAfterMs(status, new Headers({ "Retry-After": value }), nowMs);
  assert.equal(asked(503, "120"), 120_000);
  assert.equal(asked(429, "Wed, 25 Nov 2026 12:05:00 GMT"), 300_000);
  assert.equal(asked(429, "Wed, 25 Nov 2026 11:00:00 GMT"), 0);
  assert.equal(asked(503, "soon"), null);
  assert.equal(asked(503, ""), null);
  assert.equal(asked(500, "120"), null);
  assert.equal(retryAfterMs(503, new Headers(), nowMs), null);
});
