// The Worker for tests only, with bundles of golden recipes and the photos.

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeBundle } from "../golden/make-bundle.ts";
import { edgeBundle } from "../shared/model/edge/open-golden.ts";
import type { Exactness, ModelGolden } from "../golden/measure-exactness.ts";
import { serveFolder } from "./file-server.ts";
import { startContractWorker, type WorkerProcess } from "./worker-process.ts";

export interface GoldenWorker extends WorkerProcess {
  /** Measures a golden, or some of its answers, inside workerd. */
  measure(golden: ModelGolden, bundle?: string): Promise<Exactness>;
}

/**
 * Makes the bundles, serves them and starts the Worker.
 *
 * @param kernels recipes of which there is a bundle for the kernels as well, in
 *   f32, named with `-edge`.
 */
export async function startGoldenWorker(
  recipes: readonly string[],
  kernels: readonly string[] = [],
): Promise<GoldenWorker> {
  const folder = mkdtempSync(join(tmpdir(), "florence-workerd-"));
  for (const recipe of recipes) {
    await makeBundle(recipe, join(folder, recipe), "fp32");
  }
  for (const recipe of kernels) {
    const bundle = await edgeBundle(recipe, "f32");
    cpSync(bundle, join(folder, `${recipe}-edge`), { recursive: true });
  }
  const photos = new URL("../golden/photos", import.meta.url);
  cpSync(photos, join(folder, "photos"), { recursive: true });
  const files = await serveFolder(folder);
  const worker = await startContractWorker(files.url);
  return {
    ...worker,
    async measure(golden, bundle = golden.recipe) {
      const response = await worker.fetch(`/bundles/${bundle}/exactness`, {
        method: "POST",
        body: JSON.stringify(golden),
      });
      const text = await response.text();
      if (response.status !== 200) throw new Error(text);
      // Measured by the same code as in Node.
      return JSON.parse(text) as Exactness;
    },
    async close() {
      await worker.close();
      files.close();
      rmSync(folder, { recursive: true });
    },
  };
}
