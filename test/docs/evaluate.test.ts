import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MEASURES } from "../../src/evaluate/measures/table.ts";
import { PAPER_ROWS } from "../../src/evaluate/paper/paper-rows.ts";
import { LEAST_OUTCOMES } from "../../src/evaluate/calibrate/fit-calibration.ts"; // prettier-ignore
import { RELIABILITY_BINS } from "../../src/evaluate/metrics/calibration-error.ts"; // prettier-ignore

const DOCS = readFileSync(
  new URL("../../docs/evaluate.md", import.meta.url),
  "utf8",
);

test("docs/evaluate.md names every measure with its task, and every row of the paper that can be filled", () => {
  for (const { name, task } of MEASURES) {
    const row = DOCS.split("\n").find((line) => line.startsWith("|") && line.includes(`\`${name}\``)); // prettier-ignore
    assert.ok(row?.includes(task === null ? "none" : `\`${task}\``), name);
  }
  for (const { id, measure } of PAPER_ROWS) {
    // No run can fill the rows of questions.
    if (measure === "answering") continue;
    const isNamed = DOCS.includes(`\`${id}\``) || DOCS.includes(`--name ${id}`);
    assert.ok(isNamed, id);
  }
  assert.ok(DOCS.includes(`fewer than ${LEAST_OUTCOMES} answers`));
  assert.ok(DOCS.includes(`(${RELIABILITY_BINS} bins)`));
});
