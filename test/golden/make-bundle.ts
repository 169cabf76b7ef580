// Makes the bundle of a recipe: random weights, written and converted.

import { rmSync } from "node:fs";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { loadRecipe, writeRandomCheckpoint } from "./random-checkpoint.ts";

export type Precision = "fp32" | "fp16" | "int8";

/** Writes the bundle of a recipe into the folder `out`. */
export async function makeBundle(
  recipe: string,
  out: string,
  precision: Precision,
): Promise<void> {
  const checkpoint = `${out}-checkpoint`;
  writeRandomCheckpoint(checkpoint, loadRecipe(recipe));
  try {
    await convertCheckpoint(checkpoint, { out, precision });
  } finally {
    rmSync(checkpoint, { recursive: true });
  }
}
