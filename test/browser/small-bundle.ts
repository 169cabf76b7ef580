// A bundle so small that a software GPU answers with it in seconds: the golden's
// tiny recipe, over pictures of a sixteenth of its pixels.

import { join } from "node:path";
import { convertCheckpoint } from "../../src/convert/index.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../golden/random-checkpoint.ts";

/** Writes the bundle for ONNX Runtime into a folder below `folder`. */
export async function makeSmallBundle(folder: string): Promise<string> {
  const checkpoint = join(folder, "checkpoint");
  const out = join(folder, "onnx");
  const recipe = { ...loadRecipe("tiny-native"), input_size: 96 };
  writeRandomCheckpoint(checkpoint, recipe);
  await convertCheckpoint(checkpoint, { out, precision: "fp32" });
  return out;
}
