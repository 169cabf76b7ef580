// The model wall's contract on the kernels.

import { after, before, test } from "node:test";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import { openGolden } from "../shared/model/edge/open-golden.ts";
import { MODEL_CONTRACT } from "./model-contract.ts";

let loaded: LoadedModel;

before(async () => {
  loaded = await openGolden("tiny-native", "f32");
});
after(async () => {
  await loaded.model.dispose();
});

for (const contract of MODEL_CONTRACT) {
  test(`kernels: ${contract.name}`, () => contract.run(loaded));
}
