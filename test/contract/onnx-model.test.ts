// The model wall's contract on ONNX Runtime for Node.

import { after, before, test } from "node:test";
import { openBundle } from "../../src/node/open-bundle.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import { goldenBundle } from "../golden/golden-bundle.ts";
import { MODEL_CONTRACT } from "./model-contract.ts";

let loaded: LoadedModel;

before(async () => {
  loaded = await openBundle(await goldenBundle("tiny-native"));
});
after(async () => {
  await loaded.model.dispose();
});

for (const contract of MODEL_CONTRACT) {
  test(`onnxruntime-node ${contract.name}`, () => contract.run(loaded));
}
