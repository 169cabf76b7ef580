import assert from "node:assert/strict";
import { test } from "node:test";
import { readYolox } from "../../../src/data-engine/specialists/detector.ts";
import { COCO_LABELS } from "../../../src/data-engine/specialists/coco-labels.ts";
import { outlineMask } from "../../../src/data-engine/specialists/outline.ts";
import { withStability } from "../../../src/data-engine/specialists/stability.ts";
import {
  flipImage,
  otherViews,
  wholeView,
} from "../../../src/data-engine/specialists/views.ts";
import { fillPolygons } from "../../../src/data-engine/compose/fill-polygons.ts";
import type { Draft } from "../../../src/data-engine/specialists/specialist.ts";
import { boxOf, type Corners } from "../make-records.ts";

const CELLS = 52 * 52 + 26 * 26 + 13 * 13;

/** Raw output with one object in the middle cell of stride 8. */
function rawOutput(label: string, score: number): Float32Array {
  const output = new Float32Array(CELLS * 85);
  const cell = 26 * 52 + 26;
  // The cell's corner is at 208, 208; sides are exp(log(8)) * 8 = 64.
  output.set([0, 0, Math.log(8), Math.log(8), 1], cell * 85);
  output[cell * 85 + 5 + COCO_LABELS.indexOf(label)] = score;
  return output;
}

test("decodes YOLOX's cells into pixels of the photo", () => {
  const photo = { width: 832, height: 416 }; // letterboxed at half its size
  const [found, ...rest] = readYolox(rawOutput("dog", 0.75), photo, 0.1);
  assert.equal(rest.length, 0);
  assert.equal(found!.label, "dog");
  assert.equal(found!.score, 0.75);
  const { x_min, y_min, x_max, y_max } = found!.box;
  for (const [value, expected] of [
    [x_min, 352],
    [y_min, 352],
    [x_max, 480],
    // Cut to the photo.
    [y_max, 416],
  ] as const)
    assert.ok(Math.abs(value - expected) < 1e-3, `${value}, not ${expected}`);
  assert.deepEqual(readYolox(rawOutput("dog", 0.05), photo, 0.1), []);
});

test("knows COCO's 80 classes, each once", () => {
  assert.equal(new Set(COCO_LABELS).size, 80);
});

test("outlines a mask exactly, and fills it back", () => {
  const ring: [number, number][] = [
    [3, 2],
    [17, 2],
    [17, 12],
    [3, 12],
  ];
  const mask = fillPolygons([ring], 24, 16);
  const outline = outlineMask(mask, { minArea: 1, tolerance: 0.75 })!;
  assert.deepEqual(outline.box, boxOf([3, 2, 17, 12]));
  assert.equal(outline.area, 14 * 10);
  assert.equal(outline.polygons.length, 1);
  const again = fillPolygons(outline.polygons, 24, 16);
  let differ = 0;
  for (const [at, value] of mask.data.entries())
    differ += Number(value >= 0.5 !== again.data[at]! >= 0.5);
  assert.ok(differ <= 4, `${differ} pixels differ`); // the corners
});

test("outlines nothing in an empty mask, and leaves specks out", () => {
  const empty = { width: 8, height: 8, data: new Float32Array(64) };
  assert.equal(outlineMask(empty, { minArea: 1, tolerance: 1 }), null);
  const speck = { ...empty, data: new Float32Array(64) };
  speck.data[20] = 1;
  assert.equal(outlineMask(speck, { minArea: 4, tolerance: 1 }), null);
});

const IMAGE = {
  width: 80,
  height: 40,
  data: Uint8Array.from({ length: 80 * 40 * 3 }, (_, at) => at % 251),
};

test("flips twice to the same picture", () => {
  assert.deepEqual(flipImage(flipImage(IMAGE)), IMAGE);
});

test("takes boxes of every view back to the photo", () => {
  const [flipped, smaller, larger] = otherViews(IMAGE);
  const photoBox = [20, 10, 40, 30] as const;
  assert.deepEqual(flipped!.toPhoto(boxOf([40, 10, 60, 30])), boxOf(photoBox));
  // 60 x 30 pixels, 10 from the left and 5 from the top.
  const back = smaller!.toPhoto(boxOf([25, 12.5, 40, 27.5]));
  assert.deepEqual(back, boxOf(photoBox));
  assert.deepEqual(larger!.toPhoto(boxOf([10, 5, 30, 25])), boxOf(photoBox));
  assert.ok(larger!.shows(boxOf(photoBox)));
  assert.ok(!larger!.shows(boxOf([0, 0, 12, 40])));
});

test("counts in how many views a thing is found again", () => {
  const [flipped, smaller, larger] = otherViews(IMAGE);
  const dog = (corners: Corners): Draft => ({
    kind: "region_text",
    about: "object",
    text: "dog",
    region: { box: boxOf(corners) },
    score: 0.9,
  });
  const [judged] = withStability(
    [dog([20, 10, 40, 30])],
    [
      { view: flipped!, drafts: [dog([40, 10, 60, 30])] },
      { view: smaller!, drafts: [] },
      {
        view: larger!,
        drafts: [{ ...dog([10, 5, 30, 25]), text: "cat" }],
      },
    ],
  );
  assert.equal(judged!.stability, 1 / 3);
});

test("blames no view for what it does not show", () => {
  const [, , larger] = otherViews(IMAGE);
  const corner: Draft = {
    kind: "region_text",
    about: "object",
    text: "dog",
    region: { box: boxOf([0, 0, 12, 12]) },
    score: 0.9,
  };
  const [judged] = withStability([corner], [{ view: larger!, drafts: [] }]);
  assert.equal(judged!.stability, undefined);
});

test("holds texts of views against each other by their nouns", () => {
  const text = (words: string): Draft => ({
    kind: "text",
    level: "brief",
    text: words,
    score: 0.5,
  });
  const view = wholeView(IMAGE);
  const [judged] = withStability(
    [text("a dog on a bed")],
    [
      { view, drafts: [text("a brown dog on the bed")] },
      { view, drafts: [text("a dog in a car")] },
    ],
  );
  assert.ok(Math.abs(judged!.stability! - (1 + 1 / 3) / 2) < 1e-9);
});
