// Does workerd give the reference's numbers and tokens, for every golden?
//
// Command:  node bench/edge/exactness.ts [RECIPE ...]
// Expected: some minutes; a line for each recipe, then the answers that part
// from the reference.

import process from "node:process";
import { GOLDEN_RECIPES, readGolden } from "../../test/golden/golden-bundle.ts";
import { describeExactness } from "../../test/golden/measure-exactness.ts";
import { startGoldenWorker } from "../../test/workerd/golden-worker.ts";

const asked = process.argv.slice(2);
const recipes = asked.length > 0 ? asked : GOLDEN_RECIPES;
const worker = await startGoldenWorker(recipes);
try {
  for (const recipe of recipes) {
    const golden = readGolden(recipe);
    const result = await worker.measure(golden);
    console.log(describeExactness(result));
    for (const { answer } of result.mismatches) {
      const { task } = golden.prompts[answer.prompt]!;
      console.log(
        `  ${task}, ${answer.beams} beams, ${answer.stable ? "stable" : "not stable"}: parts`,
      );
    }
  }
} finally {
  await worker.close();
}
