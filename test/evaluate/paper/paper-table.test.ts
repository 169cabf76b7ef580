import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { MEASURES } from "../../../src/evaluate/measures/table.ts";
import { PAPER_ROWS } from "../../../src/evaluate/paper/paper-rows.ts";
import {
  paperTable,
  readRun,
  type RunSummary,
} from "../../../src/evaluate/paper/paper-table.ts";

const folder = mkdtempSync(join(tmpdir(), "florence-paper-"));
after(() => {
  rmSync(folder, { recursive: true });
});

function run(name: string, measure: string, figure: string): RunSummary {
  const figures = [{ name: figure, value: 0.5, low: 0.4, high: null }];
  const measures = [{ name: measure, photos: 9, figures }];
  return {
    florence_evaluation: 1,
    data: { name },
    bundle: { id: "x", precision: "int8", measures },
  };
}

test("every row is of a measure there is, and has a name of its own", () => {
  const names = MEASURES.map(({ name }) => name);
  for (const { measure } of PAPER_ROWS) assert.ok(names.includes(measure));
  assert.equal(new Set(PAPER_ROWS.map(({ id }) => id)).size, 17);
});

test("puts a figure in the row its data is named after, in percent", () => {
  const rows = paperTable([run("refcoco-testA", "referring", "accuracy")]);
  const filled = rows.filter(({ measured }) => measured.length > 0);
  assert.deepEqual(filled.map(({ benchmark, measured }) => [benchmark, measured[0]]), [
    ["RefCOCO testA", { bundle: "x int8", data: "refcoco-testA", photos: 9, value: 50, low: 40, high: null }],
  ]); // prettier-ignore
  assert.ok(rows.every(({ elsewhere }) => elsewhere.length === 0));
});

test("lists figures of other data once, below the rows of their kind", () => {
  const rows = paperTable([run("mine", "captioning", "CIDEr")]);
  assert.deepEqual(
    rows.filter(({ elsewhere }) => elsewhere.length > 0).map(({ benchmark }) => benchmark),
    ["TextCaps val"],
  ); // prettier-ignore
  assert.ok(rows.every(({ measured }) => measured.length === 0));
});

test("leaves everything empty where nothing was measured", () => {
  for (const { measured, elsewhere } of paperTable([])) {
    assert.deepEqual([measured, elsewhere], [[], []]);
  }
});

test("refuses folders that hold no summary", async () => {
  await assert.rejects(readRun(folder), /There is no .*summary\.json/u);
  writeFileSync(join(folder, "summary.json"), "{");
  await assert.rejects(readRun(folder), /is no JSON/u);
  writeFileSync(join(folder, "summary.json"), '{"florence_evaluation":2}');
  await assert.rejects(readRun(folder), /no summary of this release/u);
});
