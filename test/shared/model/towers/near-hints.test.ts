// Against `training/near.py`, which made what is expected here.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { NearSpec } from "../../../../src/shared/model/manifest.ts";
import {
  describeNear,
  describeRegion,
} from "../../../../src/shared/model/towers/near-hints.ts";
import type { Detection } from "../../../../src/shared/model/towers/read-detections.ts";

const RULES: NearSpec = {
  prompts: [],
  score_threshold: 0.05,
  nms_iou: 0.6,
  max: 16,
  closer: 8,
  names: 2,
  name_score: 0.2,
  colors: ["black", "white", "red"],
  skip: ["plain background"],
  idle: [],
  same: {},
  relative: [],
};
const IMAGE = { width: 200, height: 150 };

const thing = (
  label: string,
  score: number,
  [x_min, y_min, x_max, y_max]: readonly [number, number, number, number],
): Detection => ({ label, score, box: { x_min, y_min, x_max, y_max } });

test("describes candidates by names, a color, their place and their rank", () => {
  const found = [
    thing("dog", 0.8, [10, 20, 60, 90]),
    thing("dog", 0.5, [100, 30, 190, 148]),
    thing("person", 0.4, [70, 0, 110, 140]),
    // Less than a quarter as sure as the best: the others do not reckon with it.
    thing("dog", 0.1, [150, 0, 170, 20]),
    thing("dog", 0.3, [120, 100, 130, 110]),
    thing("bench", 0.06, [-5, -5, 205, 160]),
    thing("cat", 0.9, [0, 100, 20, 140]),
  ];
  const tag = ([name, score]: readonly [string, number]) => ({ name, score });
  const tags = (
    [
      // prettier-ignore
      [["dalmatian", 0.6], ["white", 0.5], ["dog", 0.4], ["plain background", 0.4], ["whippet", 0.2], ["hound", 0.1]],
      // prettier-ignore
      [["black", 0.7], ["kelpie", 0.4]],
      // A name below the least score is not told.
      // prettier-ignore
      [["jean", 0.5], ["hat", 0.19]],
      [],
      [["jean", 0.3]],
      [],
      // Sure, but the only cat: told from what has its other name.
      [["dalmatian", 0.3]],
    ] as const
  ).map((own) => own.map(tag));
  const told = describeNear(found, tags, IMAGE, RULES);
  assert.deepEqual(
    told.map(({ label }) => label),
    [
      " dog dalmatian whippet white left leftmost highest",
      " dog kelpie black right rightmost largest",
      // Not sure, and of one name with a dog: told from that.
      " person jean middle leftmost highest largest",
      " dog top right rightmost highest",
      " dog jean middle rightmost lowest smallest",
      " bench",
      " cat dalmatian bottom left leftmost lowest smallest",
    ],
  );
  assert.deepEqual(
    told.map(({ box, score }) => ({ box, score })),
    found.map(({ box, score }) => ({ box, score })),
  );
});

test("describes a region by the detector's name and its place", () => {
  const box = { x_min: 150, y_min: 100, x_max: 190, y_max: 140 };
  assert.deepEqual(describeRegion(box, { label: "cup", score: 0.33 }, IMAGE), {
    label: "cup bottom right",
    score: 0.33,
    box,
  });
});
