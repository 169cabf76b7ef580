import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import type { ReferenceAnswers } from "../../src/evaluate/agreement.ts";
import { measureLayers } from "../../src/evaluate/layer-errors.ts";
import { bundleFolder } from "../../src/node/bundle-folder.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import { readEdgePlan } from "../../src/shared/model/edge/edge-model.ts";
import { edgeBundle } from "../shared/model/edge/open-golden.ts";

const RECIPE = "tiny-native";
const PHOTO: RgbImage = {
  width: 30,
  height: 20,
  data: Uint8Array.from({ length: 1800 }, (_, at) => (at * 37) % 256),
};
const REFERENCE: ReferenceAnswers = {
  key: "made up",
  answers: [
    {
      request: { task: "caption", detail: "short" },
      prompt: [0, 2264, 473, 5, 2274, 6190, 116, 2],
      ids: [0, 250, 313, 2],
      isTold: false,
      hintIds: [],
      isForWords: false,
      boxes: [],
    },
  ],
};

test("tells what each layer loses, alone and with all before it", async () => {
  const exact = await edgeBundle(RECIPE, "f32");
  const measure = async (storage: "f32" | "int8" | "int4") => {
    const other = await edgeBundle(RECIPE, storage);
    return await measureLayers(exact, other, [PHOTO], [REFERENCE]);
  };
  const none = await measure("f32");
  for (const { layer, alone, soFar } of none) {
    // Few rows are added up in another order than many.
    ok(alone < 1e-5 && soFar === 0, `${layer}: ${alone}, ${soFar}`);
  }

  const { tensors } = await readEdgePlan(bundleFolder(exact));
  const matrices = Object.keys(tensors).filter((name) => {
    // fc1 is told of with fc2; the vocabulary is no layer that gives rows.
    return tensors[name]!.kind !== "vector" && !/fc1|^embedding|^head/u.test(name); // prettier-ignore
  });
  const seen = new Set(
    none.map(({ layer }) => layer.replace(/, slice .*/u, "")),
  );
  deepEqual(matrices.filter((name) => !seen.has(name.replace(/\.weight$/u, ""))), []); // prettier-ignore

  const seven = await measure("int8");
  const four = await measure("int4");
  equal(seven.length, none.length);
  for (const [at, { layer, alone, soFar }] of seven.entries()) {
    // What is stored in f32 loses nothing by itself.
    ok(alone < 0.06, `${layer}: ${alone}`);
    ok(alone < 1e-5 || soFar >= alone / 2, `${layer}: ${soFar}, ${alone}`);
    ok(four[at]!.alone >= 0.9 * alone, `${layer}: ${four[at]!.alone}`);
  }
  const worst = Math.max(...four.map(({ alone }) => alone));
  ok(worst > 0.03 && worst < 0.3, `4 bits lose ${worst}`);
});
