// Bundles of golden recipes, made where they are needed: no weight is stored.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertCheckpoint } from "../../src/convert/index.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../golden/random-checkpoint.ts";

/** Writes a recipe's checkpoint and converts it to a bundle in `out`. */
export async function writeRandomBundle(
  recipe: string,
  out: string,
): Promise<void> {
  const checkpoint = mkdtempSync(join(tmpdir(), "florence-checkpoint-"));
  try {
    writeRandomCheckpoint(checkpoint, loadRecipe(recipe));
    await convertCheckpoint(checkpoint, { out, precision: "fp32", id: recipe });
  } finally {
    rmSync(checkpoint, { recursive: true });
  }
}
