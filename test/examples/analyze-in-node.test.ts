import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { MODEL_IN_THE_BOX } from "../../src/node/index.ts";
import { runExample } from "./run-example.ts";

const skip = existsSync(MODEL_IN_THE_BOX)
  ? false
  : `no bundle at ${MODEL_IN_THE_BOX}`;

test("prints a caption, then objects with their boxes", { skip }, async () => {
  const { code, stdout, stderr } = await runExample("analyze-in-node");
  assert.equal(code, 0, stderr);
  const [caption = "", ...objects] = stdout.trimEnd().split("\n");
  assert.match(caption, /\w/u);
  for (const line of objects) {
    assert.match(line, /^.* \([01]\.\d\d\) at \d+, \d+, \d+, \d+$/u);
  }
});
