// The model in the box against `training/model.py`, which is the reference for
// checkpoints with hint towers: hints and answers, token for token, at fp32.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { openBundle } from "../../src/node/open-bundle.ts";
import { generate } from "../../src/shared/generate/generate.ts";
import { decodeImage } from "../../src/shared/image/decode-image.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import { findTask } from "../../src/shared/tasks/index.ts";

interface GoldenIds {
  /** With the decoder's start token. */
  readonly ids: readonly number[];
  readonly stable: boolean;
}

interface GoldenPhoto {
  readonly file: string;
  readonly hints: GoldenIds;
  readonly answers: Readonly<
    Record<string, { readonly greedy: GoldenIds; readonly beams3: GoldenIds }>
  >;
}

const CHECKPOINT = new URL("../../models/box/checkpoint/", import.meta.url);
const HERE = new URL("box-model/", import.meta.url);
const { photos } = JSON.parse(
  readFileSync(new URL("golden.json", HERE), "utf8"),
) as { photos: readonly GoldenPhoto[] };
const folder = mkdtempSync(join(tmpdir(), "florence-box-"));
let loaded: LoadedModel;

before(async () => {
  const out = join(folder, "bundle");
  await convertCheckpoint(fileURLToPath(CHECKPOINT), {
    out,
    precision: "fp32",
  });
  loaded = await openBundle(out);
});
after(async () => {
  await loaded.model.dispose();
  rmSync(folder, { recursive: true });
});

for (const photo of photos) {
  test(`the box model answers as its reference does: ${photo.file}`, async () => {
    const { model, tokenizer, manifest } = loaded;
    const bytes = readFileSync(new URL(photo.file, HERE));
    const { image } = await decodeImage(bytes, await loadImageCodecs());
    const [features] = await model.encode([image]);
    assert.ok(photo.hints.stable);
    assert.deepEqual(features!.hintIds, photo.hints.ids);
    for (const [name, golden] of Object.entries(photo.answers)) {
      const [text] = findTask(name)!.prompts(
        { task: "caption", detail: "short" },
        {
          tokenizer,
          image,
          scale: image,
        },
      )[0]!;
      assert.ok(typeof text === "string");
      for (const [numBeams, expected] of [
        [1, golden.greedy],
        [3, golden.beams3],
      ] as const) {
        if (!expected.stable) continue;
        const ids = tokenizer.encode(text);
        const state = await model.start([{ features: features!, ids }]);
        const [answer] = await generate(state, [0], {
          spec: manifest.generation,
          numBeams,
          maxTokens: manifest.text.positions - 1,
        });
        await state.dispose();
        const start = manifest.generation.decoder_start_token_id;
        assert.deepEqual([start, ...answer!.ids], expected.ids, name);
      }
    }
  });
}
