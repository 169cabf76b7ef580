// A golden recipe's model on the kernels, with its tokenizer and manifest.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { convertCheckpoint } from "../../../../src/convert/index.ts";
import type { EdgePrecision } from "../../../../src/convert/edge/pack-checkpoint.ts";
import { writeEdgeWeights } from "../../../../src/convert/edge/write-edge-weights.ts";
import { bundleFolder } from "../../../../src/node/bundle-folder.ts";
import {
  type EdgeOptions,
  openEdgeModel,
} from "../../../../src/shared/model/edge/edge-model.ts";
import {
  type LoadedModel,
  readManifest,
  readTokenizer,
} from "../../../../src/shared/model/open-model.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../../../golden/random-checkpoint.ts";
import { readModules } from "../../../kernels/arena.ts";

const MAX_BYTES = 2 ** 30;
const folders = new Map<string, Promise<string>>();
let scratch: string | null = null;

/** The folder of a recipe's bundle, with the kernels' weights in it. */
export function edgeBundle(
  recipe: string,
  precision: EdgePrecision,
): Promise<string> {
  const key = `${recipe}-${precision}`;
  const made = folders.get(key) ?? makeBundle(recipe, key, precision);
  folders.set(key, made);
  return made;
}

/** Opens a recipe's model; the caller disposes `model`. */
export async function openGolden(
  recipe: string,
  precision: EdgePrecision,
  options: Partial<EdgeOptions> = {},
): Promise<LoadedModel> {
  const bundle = bundleFolder(await edgeBundle(recipe, precision));
  const manifest = await readManifest(bundle);
  const tokenizer = await readTokenizer(manifest, bundle);
  const model = await openEdgeModel(manifest, bundle, await readModules(), {
    maxBytes: MAX_BYTES,
    ...options,
  });
  return { model, tokenizer, manifest };
}

async function makeBundle(
  recipe: string,
  key: string,
  precision: EdgePrecision,
): Promise<string> {
  const out = join(scratchFolder(), key);
  const checkpoint = `${out}-checkpoint`;
  writeRandomCheckpoint(checkpoint, loadRecipe(recipe));
  try {
    await convertCheckpoint(checkpoint, { out, precision: "fp32" });
    await writeEdgeWeights(checkpoint, out, precision);
  } finally {
    rmSync(checkpoint, { recursive: true });
  }
  return out;
}

function scratchFolder(): string {
  if (scratch === null) {
    const folder = mkdtempSync(join(tmpdir(), "florence-edge-"));
    process.on("exit", () => {
      rmSync(folder, { recursive: true, force: true });
    });
    scratch = folder;
  }
  return scratch;
}
