// The contract of the model wall, and goldens of the reference, in Chromium.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { buildBrowser } from "../../src/browser/build.ts";
import { MODEL_CONTRACT } from "../contract/model-contract.ts";
import { readGolden } from "../golden/golden-bundle.ts";
import {
  describeExactness,
  stableMismatches,
} from "../golden/measure-exactness.ts";
import { edgeBundle } from "../shared/model/edge/open-golden.ts";
import {
  servePages,
  SKIP_WITHOUT_CHROMIUM,
  startChromium,
  type ServedPages,
} from "./chromium.ts";
import {
  buildTestWorker,
  startPageWorker,
  type PageWorker,
} from "./page-worker.ts";

const RECIPE = "tiny-native";
const PHOTOS = fileURLToPath(new URL("../golden/photos", import.meta.url));

describe("in Chromium", { skip: SKIP_WITHOUT_CHROMIUM }, () => {
  let folder: string;
  let served: ServedPages;
  let browser: Browser;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "florence-browser-"));
    await buildBrowser(folder);
    await buildTestWorker(folder);
    const bundle = await edgeBundle(RECIPE, "f32");
    served = await servePages({ built: folder, bundle, photos: PHOTOS });
    browser = await startChromium();
  });
  after(async () => {
    await browser.close();
    served.close();
    rmSync(folder, { recursive: true });
  });

  for (const threads of [1, 2]) {
    describe(`${threads} thread(s)`, () => {
      let worker: PageWorker;
      before(async () => {
        worker = await startPageWorker(browser, served.origin);
        const backend = await worker.call("open", {
          bundle: `${served.origin}/bundle/`,
          assets: `${served.origin}/built/`,
          webgpu: null,
          threads,
          maxBytes: 2 ** 30,
        });
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
        const photos = `${served.origin}/photos`;
        const result = await worker.call("exactness", some, photos);
        context.diagnostic(describeExactness(result));
        for (const {
          photo,
          tensor,
          difference,
          tolerance,
        } of result.differences) {
          assert.ok(
            difference <= tolerance,
            `${tensor} of ${photo}: ${difference} standard deviations, ${tolerance} allowed`,
          );
        }
        assert.deepEqual(stableMismatches(result), []);
        assert.equal(result.batches.same, result.batches.of);
      });
    });
  }
});
