// Whether a backend gives what another gives: the same ids on a fixed picture and
// prompt. Drivers and browsers differ; their errors are found here, not in answers.

import { generate } from "../shared/generate/generate.ts";
import type { RgbImage } from "../shared/image/rgb-image.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";

/** New tokens: enough that features, keys and values have all been used. */
const TOKENS = 4;
const PROMPT = "What does the image describe?";
const WIDTH = 96;
const HEIGHT = 64;

/** A red disk before a sky and a meadow. */
function testPicture(): RgbImage {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const isDisk = (x - 40) ** 2 + (y - 30) ** 2 < 18 ** 2;
      const ground = y < 36 ? [110, 170, 230] : [60, 140 + (x % 8), 50];
      data.set(isDisk ? [200, 30, 40] : ground, (y * WIDTH + x) * 3);
    }
  }
  return { width: WIDTH, height: HEIGHT, data };
}

/**
 * Compares two backends of one model.
 *
 * @returns null if their ids are equal, otherwise what differs.
 * @throws FlorenceError what either backend throws.
 */
export async function whatDiffers(
  tested: LoadedModel,
  reference: LoadedModel,
): Promise<string | null> {
  const got = await answer(tested);
  const wanted = await answer(reference);
  for (const part of ["hints", "ids"] as const) {
    const [a, b] = [got[part].join(" "), wanted[part].join(" ")];
    if (a !== b) return `its ${part} are ${a}, those of wasm ${b}`;
  }
  return null;
}

interface TestAnswer {
  /** What the vision side says of the picture. */
  readonly hints: readonly number[];
  readonly ids: readonly number[];
}

async function answer({
  model,
  tokenizer,
  manifest,
}: LoadedModel): Promise<TestAnswer> {
  const ids = tokenizer.encode(PROMPT);
  const pictures = [testPicture()];
  const [features] = await model.encode(pictures, { prompts: [[ids]] });
  const state = await model.start([{ features: features!, ids }]);
  try {
    const [sequence] = await generate(state, [0], {
      spec: manifest.generation,
      numBeams: 1,
      maxTokens: TOKENS,
    });
    return { hints: features!.hintIds, ids: sequence!.ids };
  } finally {
    await state.dispose();
  }
}
