// The model in the box against `training/model.py`, which is the reference for
// checkpoints with hint towers: hints, answers and outlines, token for token, at
// fp32, on both backends.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { convertCheckpoint } from "../../src/convert/index.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { openBundle } from "../../src/node/open-bundle.ts";
import {
  hintsOf,
  placesOf,
  sightOf,
} from "../../src/shared/analyze/prompt-hints.ts";
import { generate } from "../../src/shared/generate/generate.ts";
import { decodeImage } from "../../src/shared/image/decode-image.ts";
import type { Features } from "../../src/shared/model/model.ts";
import type { LoadedModel } from "../../src/shared/model/open-model.ts";
import { findTask } from "../../src/shared/tasks/index.ts";
import { promptIds } from "../../src/shared/tasks/task.ts";
import type { Tokenizer } from "../../src/shared/tokenizer/tokenizer.ts";
import { checkOutlines, type GoldenOutlines } from "./box-outlines.ts";

interface GoldenIds {
  /** With the decoder's start token. */
  readonly ids: readonly number[];
  readonly stable: boolean;
}

interface GoldenAnswer {
  readonly prompt: readonly number[];
  readonly hints: readonly number[];
  readonly greedy: GoldenIds;
  readonly beams3?: GoldenIds;
}

interface GoldenPhoto {
  readonly file: string;
  readonly hints: GoldenIds;
  /** What the detector answers itself. */
  readonly told: Readonly<Record<string, readonly number[]>>;
  readonly answers: Readonly<Record<string, GoldenAnswer>>;
  /** Left out where the checkpoint has no outline head. */
  readonly outlines?: GoldenOutlines;
}

interface GoldenText {
  readonly file: string;
  readonly ids: readonly number[];
  readonly lines: readonly { readonly text: string; readonly score: number }[];
}

const CHECKPOINT = new URL("../../models/box/checkpoint/", import.meta.url);
const HERE = new URL("box-model/", import.meta.url);
const { photos, text } = JSON.parse(
  readFileSync(new URL("golden.json", HERE), "utf8"),
) as { photos: readonly GoldenPhoto[]; text: GoldenText };
const folder = mkdtempSync(join(tmpdir(), "florence-box-"));
const BACKENDS = {
  "ONNX Runtime": { precision: "fp32" },
  "the kernels": { precision: "edge", edge: { rest: "f32" } },
} as const;
const opened = new Map<string, LoadedModel>();

before(async () => {
  for (const [backend, options] of Object.entries(BACKENDS)) {
    const out = join(folder, backend);
    await convertCheckpoint(fileURLToPath(CHECKPOINT), { out, ...options });
    opened.set(backend, await openBundle(out));
  }
});
after(async () => {
  for (const { model } of opened.values()) await model.dispose();
  rmSync(folder, { recursive: true });
});

/** Features of a picture, with what its prompts need. */
async function see(
  loaded: LoadedModel,
  file: string,
  prompts: readonly (readonly number[])[],
): Promise<Features> {
  const bytes = readFileSync(new URL(file, HERE));
  const { image } = await decodeImage(bytes, await loadImageCodecs());
  const [features] = await loaded.model.encode([image], { prompts: [prompts] });
  return features!;
}

for (const [backend, photo] of Object.keys(BACKENDS).flatMap((backend) =>
  photos.map((photo) => [backend, photo] as const),
)) {
  test(`the box model answers on ${backend} as its reference does: ${photo.file}`, async () => {
    const loaded = opened.get(backend)!;
    const { model, tokenizer, manifest } = loaded;
    const answers = Object.entries(photo.answers);
    const outlined =
      photo.outlines === undefined
        ? []
        : [photo.outlines.region.prompt, photo.outlines.phrase.prompt];
    const asked = [...answers.map(([, { prompt }]) => prompt), ...outlined];
    const features = await see(loaded, photo.file, asked);
    assert.ok(photo.hints.stable);
    assert.deepEqual(features.hintIds, photo.hints.ids);
    for (const [name, ids] of Object.entries(photo.told)) {
      const prompt = promptOf(name, tokenizer);
      const { answer } = sightOf({ features, ids: prompt })!;
      assert.deepEqual(answer!.ids, ids, name);
    }
    for (const [name, golden] of answers) {
      if (name === "caption")
        assert.deepEqual(promptOf(name, tokenizer), golden.prompt);
      const ids = golden.prompt;
      const hintIds = hintsOf({ features, ids }, loaded);
      assert.deepEqual(hintIds, golden.hints, name);
      const places = placesOf({ features, ids }, loaded)!;
      for (const [numBeams, expected] of [
        [1, golden.greedy],
        [3, golden.beams3],
      ] as const) {
        if (expected?.stable !== true) continue;
        const own = { ...features, hintIds };
        const state = await model.start([{ features: own, ids }]);
        const [answer] = await generate(state, [0], {
          spec: manifest.generation,
          numBeams,
          maxTokens: manifest.text.positions - 1,
          banned: (_, so) => places(so),
        });
        await state.dispose();
        const start = manifest.generation.decoder_start_token_id;
        assert.deepEqual([start, ...answer!.ids], expected.ids, name);
      }
    }
    if (photo.outlines === undefined) return;
    const compared = await checkOutlines(loaded, features, photo.outlines);
    assert.ok(compared > 1, "no outline of the photo is stable");
  });
}

test("the box model reads text as its reference does", async () => {
  const loaded = opened.get("ONNX Runtime")!;
  const prompt = promptOf("ocr:lines", loaded.tokenizer);
  const features = await see(loaded, text.file, [prompt]);
  const { answer } = sightOf({ features, ids: prompt })!;
  assert.deepEqual(answer!.ids, text.ids);
  // The first token after `<s>` belongs to the first line. Scores are means of
  // float32 probabilities that two builds of a runtime need not agree on.
  const score = Math.exp(answer!.logProbs[1]!);
  assert.ok(Math.abs(score - text.lines[0]!.score) < 1e-3);
});

/** The prompt of a task that takes no input. */
function promptOf(spelling: string, tokenizer: Tokenizer): number[] {
  const task = findTask(spelling)!;
  const size = { width: 1, height: 1 };
  const [parts] = task.prompts(task.example, {
    tokenizer,
    image: size,
    scale: size,
  });
  return promptIds(parts!, tokenizer);
}
