// The contract of the model wall, and goldens of the reference, in Chromium.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { MODEL_CONTRACT } from "../contract/model-contract.ts";
import { readGolden } from "../golden/golden-bundle.ts";
import {
  describeExactness,
  stableMismatches,
} from "../golden/measure-exactness.ts";
import { edgeBundle } from "../shared/model/edge/open-golden.ts";
import { openBuiltPages, type BuiltPages } from "./built-pages.ts";
import { SKIP_WITHOUT_CHROMIUM } from "./chromium.ts";
import { startPageWorker, type PageWorker } from "./page-worker.ts";

const RECIPE = "tiny-native";
const PHOTOS = fileURLToPath(new URL("../golden/photos", import.meta.url));

describe("in Chromium", { skip: SKIP_WITHOUT_CHROMIUM }, () => {
  let pages: BuiltPages;
  before(async () => {
    const bundle = await edgeBundle(RECIPE, "f32");
    pages = await openBuiltPages({ bundle, photos: PHOTOS });
  });
  after(() => pages.close());

  for (const threads of [1, 2]) {
    describe(`${threads} thread(s)`, () => {
      let worker: PageWorker;
      before(async () => {
        const { browser, origin, opening } = pages;
        worker = await startPageWorker(browser, origin);
        const backend = await worker.call("open", { ...opening, threads });
        assert.equal(backend.backend, "florence-kernels");
        assert.equal(backend.threads, threads);
        assert.deepEqual(backend.dropped, []);
      });
      after(() => worker.close());

      for (const [at, { name }] of MODEL_CONTRACT.entries()) {
        test(`a model ${name}`, () => worker.call("contract", at));
      }

      test("answers as the reference does, in f32", async (context) => {
        const golden = readGolden(RECIPE);
        // Every eighth: the whole golden takes minutes.
        const answers = golden.answers.filter((_, at) => at % 8 === 0);
        const some = { ...golden, answers };
        const photos = `${pages.origin}/photos`;
        const result = await worker.call("exactness", some, photos);
        context.diagnostic(describeExactness(result));
        for (const { photo, tensor, ...off } of result.differences) {
          assert.ok(
            off.difference <= off.tolerance,
            `${tensor} of ${photo}: ${off.difference} standard deviations, ${off.tolerance} allowed`,
          );
        }
        assert.deepEqual(stableMismatches(result), []);
        assert.equal(result.batches.same, result.batches.of);
      });
    });
  }
});
