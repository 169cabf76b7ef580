// A golden recipe's model on the kernels, with its tokenizer and manifest.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { convertCheckpoint } from "../../../../src/convert/index.ts";
import { bundleFolder } from "../../../../src/node/bundle-folder.ts";
import type { EdgeStorage } from "../../../../src/shared/model/edge/edge-plan.ts";
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
  storage: EdgeStorage,
): Promise<string> {
  const key = `${recipe}-${storage}`;
  const made = folders.get(key) ?? makeBundle(recipe, key, storage);
  folders.set(key, made);
  return made;
}

/** Opens a recipe's model; the caller disposes `model`. */
export async function openGolden(
  recipe: string,
  storage: EdgeStorage,
  options: Partial<EdgeOptions> = {},
): Promise<LoadedModel> {
  const bundle = bundleFolder(await edgeBundle(recipe, storage));
  const manifest = await readManifest(bundle);
  const tokenizer = await readTokenizer(manifest, bundle);
  const model = await openEdgeModel(
    manifest,
    bundle,
    tokenizer,
    await readModules(options.threads !== undefined),
    { maxBytes: MAX_BYTES, ...options },
  );
  return { model, tokenizer, manifest };
}

async function makeBundle(
  recipe: string,
  key: string,
  storage: EdgeStorage,
): Promise<string> {
  const out = join(scratchFolder(), key);
  const checkpoint = `${out}-checkpoint`;
  writeRandomCheckpoint(checkpoint, loadRecipe(recipe));
  try {
    const edge = { rest: storage };
    await convertCheckpoint(checkpoint, { out, precision: "edge", edge });
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
