// Outlines of the model in the box against `training/polygons.py` and
// `training/model.py`, at fp32: the points of every polygon.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { openBundle } from "../../src/node/open-bundle.ts";
import { hintsOf, sightOf } from "../../src/shared/analyze/prompt-hints.ts";
import { outlineAnswer } from "../../src/shared/analyze/outline-answer.ts";
import { decodeImage } from "../../src/shared/image/decode-image.ts";

interface GoldenOutlines {
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

interface GoldenPhoto {
  readonly file: string;
  readonly outlines?: GoldenOutlines;
}

const CHECKPOINT = new URL("../../models/box/checkpoint/", import.meta.url);
const HERE = new URL("box-model/", import.meta.url);
const { photos } = JSON.parse(
  readFileSync(new URL("golden.json", HERE), "utf8"),
) as { photos: readonly GoldenPhoto[] };
const outlined = photos.flatMap(({ file, outlines }) =>
  outlines === undefined ? [] : [{ file, ...outlines }],
);

test(
  "the box model outlines as its reference does",
  { skip: outlined.length === 0 && "the checkpoint has no outline head" },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "florence-outlines-"));
    const out = join(folder, "bundle");
    await convertCheckpoint(fileURLToPath(CHECKPOINT), { out, precision: "fp32" }); // prettier-ignore
    const loaded = await openBundle(out);
    const codecs = await loadImageCodecs();
    let compared = 0;
    for (const { file, region, phrase } of outlined) {
      const bytes = readFileSync(new URL(file, HERE));
      const { image } = await decodeImage(bytes, codecs);
      const prompts = [[region.prompt, phrase.prompt]];
      const [features] = await loaded.model.encode([image], { prompts });
      const own = sightOf({ features: features!, ids: region.prompt })!.answer!;
      if (region.stable) assert.deepEqual(own.ids, region.ids, file);
      const sight = sightOf({ features: features!, ids: phrase.prompt })!;
      const asked = { features: features!, ids: phrase.prompt };
      assert.deepEqual(hintsOf(asked, loaded), phrase.hints, file);
      for (const { box, ids, stable } of phrase.boxes) {
        if (!stable) continue;
        const known = sight.outlines!.find((one) => one.box.join() === box.join()); // prettier-ignore
        assert.deepEqual(known?.ids ?? [], ids, `${file}: ${box.join()}`);
        compared += 1;
      }
      const reference = phrase.boxes.filter(({ ids }) => ids.length > 0);
      const said = {
        ids: phrase.said,
        logProbs: phrase.said.map(() => -1),
        spreads: phrase.said.map(() => null),
        finishReason: "stop" as const,
      };
      const { ids } = outlineAnswer(said, reference, loaded.tokenizer);
      assert.deepEqual(ids, phrase.ids, file);
    }
    assert.ok(compared > 10, `only ${compared} outlines are stable`);
    await loaded.model.dispose();
    rmSync(folder, { recursive: true });
  },
);
