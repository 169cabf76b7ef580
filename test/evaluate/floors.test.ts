import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  answerPhotos,
  keepsFloor,
  toFigures,
  type PhotoAnswers,
} from "../../src/evaluate/floors.ts";
import {
  readPhotos,
  readSynonyms,
  type Photo,
} from "../../src/evaluate/photo-set.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { MODEL_IN_THE_BOX } from "../../src/node/model-in-the-box.ts";
import { openBundle } from "../../src/node/open-bundle.ts";

const ROOT = join(import.meta.dirname, "../..");
const PHOTOS = join(ROOT, "test/data/photos");

test("the photo sets are whole: 200, 89 and 57 photos, each with its file", async () => {
  const photos = await readPhotos(PHOTOS);
  const count = (set: Photo["sets"][number]) =>
    photos.filter(({ sets }) => sets.includes(set)).length;
  assert.deepEqual([count("noun"), count("boxes"), count("captions")], [200, 89, 57]); // prettier-ignore
  for (const { key, sets, labels, boxes, captions } of photos) {
    assert.ok(existsSync(join(PHOTOS, `${key}.webp`)), key);
    if (sets.includes("noun")) assert.ok(labels.length > 0, key);
    if (sets.includes("boxes")) assert.ok(boxes.length > 0, key);
    if (sets.includes("captions")) assert.ok(captions.length > 0, key);
  }
});

test("the list of accepted names is of labels that occur", async () => {
  const photos = await readPhotos(PHOTOS);
  const labels = new Set(
    photos.flatMap(({ sets, labels }) =>
      sets.includes("noun") ? labels.slice(-1) : [],
    ),
  );
  const synonyms = await readSynonyms(join(ROOT, "test/data/synonyms.json"));
  for (const label of Object.keys(synonyms))
    assert.ok(labels.has(label), label);
});

test("counts nouns, the commonest caption and right boxes", () => {
  const photo: Photo = {
    key: "a",
    labels: ["red car", "car"],
    boxes: [{ label: "car", x0: 0, y0: 0, x1: 0.5, y1: 0.5 }],
    captions: ["a red car"],
    sets: ["noun", "boxes", "captions"],
  };
  const answer = (caption: string, label: string, side: number): PhotoAnswers => ({
    photo,
    caption,
    objects: [{ label, box: { x_min: 0, y_min: 0, x_max: side, y_max: side } }],
  }); // prettier-ignore
  const figures = toFigures(
    [
      answer("a car", "car", 0.5),
      answer("a car", "car", 0.35), // IoU 0.49
      answer("a dog", "dog", 0.5),
      answer("a van", "car", 0.4), // IoU 0.64
    ],
    { car: ["van"] },
  );
  const [noun, commonest, box, cider] = figures.map(({ value }) => value);
  assert.equal(noun, 0.75);
  assert.equal(commonest, 0.5);
  assert.equal(box, 0.5);
  assert.equal(cider, 0); // every photo has the same references
});

test(
  "the model in the box keeps its floors",
  {
    skip: existsSync(MODEL_IN_THE_BOX)
      ? false
      : `no bundle at ${MODEL_IN_THE_BOX}`,
  },
  async (t) => {
    const loaded = await openBundle(MODEL_IN_THE_BOX, { threads: 1 });
    t.after(() => loaded.model.dispose());
    const photos = await readPhotos(PHOTOS);
    const codecs = await loadImageCodecs();
    const answers = await answerPhotos(loaded, codecs, PHOTOS, photos);
    const synonyms = await readSynonyms(join(ROOT, "test/data/synonyms.json"));
    for (const figure of toFigures(answers, synonyms)) {
      const { name, photos: n, value, bound, floor } = figure;
      const line = `${name}, ${String(n)} photos: ${value.toFixed(3)} (${bound} ${String(floor)})`;
      t.diagnostic(line);
      assert.ok(keepsFloor(figure), line);
    }
  },
);
