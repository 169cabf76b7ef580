// Outlines of the model in the box against `training/polygons.py` and
// `training/model.py`: the points of every polygon.

import assert from "node:assert/strict";
import {
  hintsOf,
  placesOf,
  sightOf,
} from "../../src/shared/analyze/prompt-hints.ts";
import { outlineAnswer } from "../../src/shared/analyze/outline-answer.ts";
import { generate } from "../../src/shared/generate/generate.ts";
import type { Features } from "../../src/shared/model/model.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";

/** `outlines` of a photo of `box-model/golden.json`. */
export interface GoldenOutlines {
  readonly region: {
    readonly prompt: readonly number[];
    readonly ids: readonly number[];
    /** Whether float64 gives the same. */
    readonly stable: boolean;
  };
  readonly phrase: {
    readonly prompt: readonly number[];
    readonly hints: readonly number[];
    readonly boxes: readonly {
      readonly box: readonly number[];
      readonly ids: readonly number[];
      readonly stable: boolean;
    }[];
    /** With the decoder's start token: of the language model, and as told. */
    readonly said: readonly number[];
    readonly ids: readonly number[];
  };
}

/**
 * Holds a model to what the reference outlines in a photo, by region and by
 * phrase, and to the whole answer about the phrase.
 *
 * @param features of the photo, made for both prompts.
 * @returns how many outlines were compared.
 */
export async function checkOutlines(
  loaded: LoadedModel,
  features: Features,
  { region, phrase }: GoldenOutlines,
): Promise<number> {
  const { tokenizer, manifest, model } = loaded;
  const own = sightOf({ features, ids: region.prompt })!.answer!;
  if (region.stable) assert.deepEqual(own.ids, region.ids, "the region");
  const asked = { features, ids: phrase.prompt };
  const hintIds = hintsOf(asked, loaded);
  assert.deepEqual(hintIds, phrase.hints);
  const { outlines } = sightOf(asked)!;
  let compared = region.stable ? 1 : 0;
  for (const { box, ids, stable } of phrase.boxes) {
    if (!stable) continue;
    const known = outlines!.find((one) => one.box.join() === box.join());
    assert.deepEqual(known?.ids ?? [], ids, box.join());
    compared += 1;
  }
  const places = placesOf(asked, loaded)!;
  const state = await model.start([
    { features: { ...features, hintIds }, ids: phrase.prompt },
  ]);
  const [said] = await generate(state, [0], {
    spec: manifest.generation,
    numBeams: 1,
    maxTokens: manifest.text.positions - 1,
    banned: (_, so) => places(so),
  });
  await state.dispose();
  const start = manifest.generation.decoder_start_token_id;
  assert.deepEqual([start, ...said!.ids], phrase.said);
  const reference = phrase.boxes.filter(({ ids }) => ids.length > 0);
  const { ids } = outlineAnswer(said!, reference, tokenizer);
  assert.deepEqual([start, ...ids], phrase.ids);
  return compared;
}
