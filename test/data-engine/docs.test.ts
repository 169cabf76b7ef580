// The page about the data engine tells of everything there is.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parseFilterOptions } from "../../src/data-engine/filter/filter-options.ts";
import { REASONS } from "../../src/data-engine/records/record.ts";
import { SPECIALISTS } from "../../src/data-engine/specialists/parse-specialist.ts";

const page = readFile("docs/data-engine.md", "utf8");

test("tells of every reason and every specialist", async () => {
  const text = await page;
  for (const reason of REASONS)
    assert.ok(text.includes(`\`${reason}\``), reason);
  for (const kind of Object.keys(SPECIALISTS))
    assert.match(text, new RegExp(`^\\| \`${kind}[\`=[]`, "mu"));
});

test("states the bounds that hold", async () => {
  const text = await page;
  const options = parseFilterOptions({});
  const { brief, detailed, more_detailed } = options.maxObjects;
  assert.ok(
    text.includes(`(${brief}, ${detailed}, ${more_detailed} by level)`),
  );
  const least = options.minComplexity;
  assert.ok(
    text.includes(
      `${least.brief}, ${least.detailed} and ${least.more_detailed} are wanted by level`,
    ),
  );
  assert.ok(text.includes(`a side below ${options.minSidePx} pixels`));
  assert.ok(text.includes(`(${options.duplicateBits} of 64 bits)`));
  assert.ok(text.includes(`(IoU ${options.agreementIou})`));
  assert.ok(text.includes(`from a score of ${options.sureScore} on`));
  assert.ok(text.includes(`(\`stability\` ${options.sureStability})`));
});
