// The model wall's contract on the kernels: with DaViT, and with towers.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { openBundle } from "../../src/node/open-bundle.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import { openGolden } from "../shared/model/edge/open-golden.ts";
import { MODEL_CONTRACT } from "./model-contract.ts";

const BOX = new URL("../../models/box/checkpoint/", import.meta.url);

/** The model in the box, made for the kernels. */
async function openBox(): Promise<LoadedModel> {
  const folder = mkdtempSync(join(tmpdir(), "florence-edge-box-"));
  const out = join(folder, "bundle");
  try {
    const edge = { rest: "f32" } as const;
    const checkpoint = fileURLToPath(BOX);
    await convertCheckpoint(checkpoint, { out, precision: "edge", edge });
    return await openBundle(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const MODELS = {
  "with DaViT": () => openGolden("tiny-native", "f32"),
  "with towers": openBox,
};

for (const [name, open] of Object.entries(MODELS)) {
  describe(`kernels ${name}`, () => {
    let loaded: LoadedModel;
    before(async () => {
      loaded = await open();
    });
    after(async () => {
      await loaded.model.dispose();
    });
    for (const contract of MODEL_CONTRACT) {
      test(contract.name, () => contract.run(loaded));
    }
  });
}
