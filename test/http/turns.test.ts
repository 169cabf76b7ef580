import assert from "node:assert/strict";
import { test } from "node:test";
import { createTurns } from "../../src/http/engine/turns.ts";

const NEVER = new AbortController().signal;

test("gives turns in the order they were asked for", async () => {
  const turns = createTurns(8);
  const order: number[] = [];
  await Promise.all(
    [1, 2, 3].map((number) =>
      turns.run(() => {
        order.push(number);
        return Promise.resolve();
      }, NEVER),
    ),
  );
  assert.deepEqual(order, [1, 2, 3]);
});

test("leaves the queue when aborted, and the others move up", async () => {
  const turns = createTurns(1);
  const first = Promise.withResolvers<string>();
  const working = turns.run(() => first.promise, NEVER);
  const leaving = new AbortController();
  const left = turns.run(() => Promise.resolve("never"), leaving.signal);
  leaving.abort();
  await assert.rejects(left, { code: "deadline_exceeded" });
  const moved = turns.run(() => Promise.resolve("moved up"), NEVER);
  first.resolve("first");
  assert.deepEqual(await Promise.all([working, moved]), ["first", "moved up"]);
});

test("passes the turn on after an error", async () => {
  const turns = createTurns(1);
  const failed = turns.run(() => Promise.reject(new Error("no")), NEVER);
  const next = turns.run(() => Promise.resolve("yes"), NEVER);
  await assert.rejects(failed, /no/u);
  assert.equal(await next, "yes");
});
