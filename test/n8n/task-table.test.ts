import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  findTask,
  OPERATIONS,
  taskOfOperation,
} from "../../plugins/n8n/nodes/Florence/operations.ts";
import { OPTIONS, TASKS } from "../../plugins/n8n/nodes/Florence/task-table.ts";
import { taskTable } from "./task-fields.ts";

const NODES = "../../plugins/n8n/nodes/Florence/";

const read = (file: string): string =>
  readFileSync(new URL(NODES + file, import.meta.url), "utf8");

test("the node's table is the service's; else run test/n8n/make-task-table.ts", async () => {
  assert.equal(read("task-table.ts"), await taskTable());
});

test("every task has an operation, every operation a task", () => {
  const reached = Object.values(OPERATIONS).flatMap((name) =>
    name === null ? [] : TASKS.filter((task) => isOf(task, name)),
  );
  assert.deepEqual(new Set(reached), new Set(TASKS));
  assert.equal(taskOfOperation("image", "runMany", "short"), null);
  assert.equal(taskOfOperation("image", "paint", "short"), undefined);
  assert.equal(
    taskOfOperation("image", "caption", "full")?.spelling,
    "caption:full",
  );
  assert.equal(findTask("ocr:lines")?.list, "lines");
});

/** A caption has its details in one operation; layouts of text have two. */
function isOf(task: (typeof TASKS)[number], name: string): boolean {
  return task.spelling === name || (name === "caption" && task.name === name);
}

test("defaults in the panel are the service's", () => {
  const text = read("descriptions/option-fields.ts");
  const shown = {
    cache: OPTIONS.cache.default,
    coordinates: OPTIONS.coordinates.default,
    engine: OPTIONS.engine.default,
    inputSize: OPTIONS.input_size.default,
    maxTiles: OPTIONS["tiling.max_tiles"].default,
    tileOverlap: OPTIONS["tiling.overlap"].default,
  };
  for (const [name, value] of Object.entries(shown)) {
    const at = text.indexOf(`name: "${name}"`);
    const [, found] = /default: ([^,]+),/u.exec(text.slice(at)) ?? [];
    assert.equal(found, JSON.stringify(value), name);
  }
});
