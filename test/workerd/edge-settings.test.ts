// What the Worker does before its service is there: wrong settings, floods.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startEdgeWorker } from "./edge-worker.ts";

const SECRET = "for-this-machine-only-not-a-secret";

/** Requests a minute of one address that `wrangler.toml` lets through. */
const FLOOD_LIMIT = 1200;
const AT_ONCE = 50;

interface Problem {
  readonly code: string;
  readonly detail: string;
}

test("says that it did not start, and not which setting is wrong", async () => {
  const worker = await startEdgeWorker({
    FLORENCE_PUBLIC_URL: "https://florence.example.com",
    FLORENCE_SECRET: SECRET,
    FLORENCE_OPEN_MODE: "true",
  });
  try {
    const response = await worker.fetch("/v1/health/live");
    const problem = (await response.json()) as Problem;
    assert.equal(response.status, 500);
    assert.equal(problem.code, "internal");
    assert.match(problem.detail, /did not start.*docs\/deploy\.md/u);
    assert.doesNotMatch(JSON.stringify(problem), /OPEN_MODE|for-this/u);
  } finally {
    await worker.close();
  }
});

test("turns a flood from one address away, and nobody else", async () => {
  const worker = await startEdgeWorker();
  const ask = async (address: string): Promise<Response> =>
    await worker.fetch("/v1/health/live", {
      headers: { "CF-Connecting-IP": address },
    });
  try {
    const statuses = new Set<number>();
    // Twice the limit, however the minute falls.
    for (let sent = 0; sent < 2 * FLOOD_LIMIT + 1; sent += AT_ONCE) {
      const answers = await Promise.all(
        Array.from({ length: AT_ONCE }, () => ask("203.0.113.5")),
      );
      for (const { status } of answers) statuses.add(status);
      if (statuses.has(429)) break;
    }
    assert.deepEqual([...statuses], [200, 429]);
    const refused = await ask("203.0.113.5");
    assert.ok(Number(refused.headers.get("Retry-After")) > 0);
    assert.equal(((await refused.json()) as Problem).code, "rate_limited");
    assert.equal((await ask("203.0.113.6")).status, 200);
  } finally {
    await worker.close();
  }
});
