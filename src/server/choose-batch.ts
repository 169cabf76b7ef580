// How many images of different callers are seen together, unless somebody says.

import { bundleFolder } from "../node/bundle-folder.ts";
import type { Device } from "../node/devices.ts";
import { adoptTransformersJsFolder } from "../node/transformers-js-folder.ts";
import { readManifest } from "../shared/model/open-model.ts";

const GPU_BATCH = 8;

/**
 * 8 on a GPU. 1 on a CPU, whose cores are busy with one image already, and 1 for
 * int8 models: their activations share one scale across a batch, so an answer
 * would depend on who else asks: on a small DaViT features differ by 0.7 in a
 * batch, with fp32 by 1e-6 (bench/server/batching.ts).
 *
 * @throws FlorenceError `bundle_invalid`, `bundle_too_new`.
 */
export async function chooseBatch(
  bundles: readonly string[],
  device: Device,
): Promise<number> {
  if (device === "cpu") return 1;
  for (const folder of bundles) {
    const adopted = await adoptTransformersJsFolder(folder);
    const { precision } = await readManifest(adopted ?? bundleFolder(folder));
    if (precision === "int8") return 1;
  }
  return GPU_BATCH;
}
