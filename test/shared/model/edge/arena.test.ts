import { equal, throws } from "node:assert/strict";
import { test } from "node:test";
import {
  createArena,
  layOut,
} from "../../../../src/shared/model/edge/arena.ts";
import { isFlorenceError } from "../../../../src/shared/errors.ts";

const PAGE = 65_536;

test("lays pieces out one after another, aligned", () => {
  const { at, bytes } = layOut({ a: 5, b: 16, c: 1 });
  equal(at.a, 0);
  equal(at.b, 16);
  equal(at.c, 32);
  equal(bytes, 48);
});

test("uses the place of a released piece again", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const arena = createArena(memory, 100);
  const first = arena.keep(1000);
  const second = arena.keep(1000);
  equal(first, 112);
  equal(second, 112 + 1008);
  arena.release(first);
  equal(arena.keep(2000), second + 1008);
  equal(arena.keep(900), first);
});

test("refuses to give back what was never kept", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  throws(() => {
    createArena(memory, 0).release(16);
  }, /^Error: internal:/u);
});

test("says how much is needed where memory ends", () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 2 });
  const arena = createArena(memory, 0);
  throws(
    () => arena.keep(3 * PAGE),
    (error) => isFlorenceError(error) && error.code === "engine_unavailable",
  );
  equal(arena.keep(PAGE), 0);
});
