// The reference mode of `parseAnswer` against the reference itself. Exact.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseAnswer } from "../../src/shared/tasks/parse-answer.ts";
import { loadTokenizer } from "../../src/shared/tokenizer/tokenizer.ts";
import { tokenizerFiles } from "./random-checkpoint.ts";

interface Row {
  readonly task: string;
  readonly size: readonly [number, number];
  readonly ids: readonly number[];
  readonly text: string;
  readonly answer: unknown;
}

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "parse.json"), "utf8"),
) as { readonly answers: readonly Row[] };

describe("parseAnswer in reference mode", async () => {
  const tokenizer = await loadTokenizer(tokenizerFiles({ naming: "native" }));
  const tasks = new Set(golden.answers.map(({ task }) => task));

  for (const task of tasks) {
    const rows = golden.answers.filter((row) => row.task === task);
    test(`gives ${rows.length} answers of ${task} as the reference`, () => {
      for (const { ids, size, text, answer } of rows) {
        assert.equal(tokenizer.decode(ids), text);
        const [width, height] = size;
        const options = { width, height, mode: "reference" as const };
        const parsed = parseAnswer(task, ids, tokenizer, options);
        assert.deepEqual(parsed, { [task]: answer }, JSON.stringify(text));
      }
    });
  }
});
