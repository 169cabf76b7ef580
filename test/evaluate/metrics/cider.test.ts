import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ciderD } from "../../../src/evaluate/metrics/cider.ts";
import { ptbTokenize } from "../../../src/evaluate/metrics/ptb-tokenize.ts";

interface Case {
  readonly name: string;
  readonly items: readonly {
    readonly candidate: string;
    readonly references: readonly string[];
  }[];
  readonly mean: number;
  readonly scores: readonly number[];
}

const cases = JSON.parse(
  readFileSync(new URL("../vectors/cider.json", import.meta.url), "utf8"),
) as readonly Case[];

// Both sum the same float64 terms, in another order: far below 1e-6.
const TOLERANCE = 1e-6;

for (const { name, items, mean, scores } of cases) {
  test(`scores as pycocoevalcap does: ${name}`, () => {
    const ours = ciderD(
      items.map(({ candidate, references }) => ({
        candidate: ptbTokenize(candidate),
        references: references.map(ptbTokenize),
      })),
    );
    assert.ok(Math.abs(ours.mean - mean) < TOLERANCE, String(ours.mean));
    for (const [at, score] of scores.entries()) {
      assert.ok(
        Math.abs((ours.scores[at] ?? NaN) - score) < TOLERANCE,
        `item ${String(at)}: ${String(ours.scores[at])} and ${String(score)}`,
      );
    }
  });
}

test("scores nothing for no images", () => {
  assert.deepEqual(ciderD([]), { mean: 0, scores: [] });
});
