import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { analyze } from "../../../src/shared/analyze/analyze.ts";
import { parseAnalyzeRequest } from "../../../src/shared/schema/analysis.ts";
import { loadTokenizer } from "../../../src/shared/tokenizer/tokenizer.ts";
import { createFakeModel } from "../../fakes/fake-model.ts";
import { FAKE_PLATFORM, inputOf } from "./inputs.ts";

const GOLDEN = new URL("../../golden/tokenizer/", import.meta.url);
const read = (name: string): string =>
  gunzipSync(readFileSync(new URL(name, GOLDEN))).toString();
const tokenizer = await loadTokenizer({
  "vocab.json": read("vocab.json.gz"),
  "merges.txt": read("merges.txt.gz"),
});

/** What detect and propose find with these options; the model is rather sure. */
async function found(options: { readonly min_score?: number }) {
  const { model, manifest } = createFakeModel(
    tokenizer,
    () => "car<loc_100><loc_200><loc_500><loc_600>",
  );
  const loaded = {
    ...{ model, tokenizer },
    manifest: { ...manifest, min_scores: { detect: 0.99 } },
  };
  const request = parseAnalyzeRequest({
    tasks: [{ task: "detect" }, { task: "propose" }],
    options,
  });
  const { results } = await analyze(loaded, inputOf(request), FAKE_PLATFORM);
  return results.map((result) =>
    "objects" in result ? result.objects.length : null,
  );
}

test("a bundle says what a task leaves out where the request does not", async () => {
  assert.deepEqual(await found({}), [0, 1]);
});

test("a request that names min_score has its way", async () => {
  assert.deepEqual(await found({ min_score: 0 }), [1, 1]);
  assert.deepEqual(await found({ min_score: 0.99 }), [0, 0]);
});
