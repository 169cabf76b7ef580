import assert from "node:assert/strict";
import { test } from "node:test";
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
