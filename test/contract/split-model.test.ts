// The model wall's contract on the kernels in parts.

import { after, before, describe, test } from "node:test";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import {
  openJoined,
  openPhased,
  streamedBundle,
} from "../shared/model/edge/open-split.ts";
import { MODEL_CONTRACT } from "./model-contract.ts";

const WAYS: Readonly<Record<string, () => Promise<LoadedModel>>> = {
  "phase by phase": async () =>
    openPhased(await streamedBundle("tiny-native", "f32")),
  joined: async () => openJoined(await streamedBundle("tiny-native", "f32")),
};

for (const [way, open] of Object.entries(WAYS)) {
  describe(`kernels, ${way}:`, () => {
    let loaded: LoadedModel;
    before(async () => {
      loaded = await open();
    });
    after(async () => {
      await loaded.model.dispose();
    });
    for (const contract of MODEL_CONTRACT) {
      // What only research asks of a model, and parts do not send.
      const skip =
        way === "joined" && contract.name.includes("encoder")
          ? "parts keep the encoder's output"
          : false;
      test(contract.name, { skip }, () => contract.run(loaded));
    }
  });
}
