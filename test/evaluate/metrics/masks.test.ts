import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeRuns,
  maskArea,
  maskOfRuns,
} from "../../../src/evaluate/metrics/masks.ts";
import { maskOverlap } from "../../../src/evaluate/metrics/overlaps.ts";
import { rasterizePolygons } from "../../../src/evaluate/metrics/rasterize-polygon.ts";
import { isNear, readVectors } from "../read-vectors.ts";

interface Row {
  readonly width: number;
  readonly height: number;
  readonly rings: readonly (readonly number[])[];
  readonly counts: readonly number[];
  readonly text: string;
  readonly area: number;
  readonly other: string;
  readonly iou: number;
  readonly crowdIou: number;
}

const rows = readVectors("masks.json") as readonly Row[];

test("rasterizes 160 polygons pixel by pixel as pycocotools does", () => {
  assert.equal(rows.length, 160);
  for (const [at, row] of rows.entries()) {
    const mask = rasterizePolygons(row.rings, row.width, row.height);
    const runs = mask.counts.at(-1) === 0 ? mask.counts.slice(0, -1) : mask.counts; // prettier-ignore
    assert.deepEqual(runs, row.counts, `row ${at}`);
    assert.equal(maskArea(mask), row.area);
  }
});

test("reads compressed runs, and overlaps as pycocotools does", () => {
  for (const { text, other, width, height, ...row } of rows) {
    const mask = decodeRuns(text, width, height);
    const second = decodeRuns(other, width, height);
    assert.ok(mask !== null && second !== null);
    assert.equal(maskArea(mask), row.area);
    assert.ok(isNear(maskOverlap(mask, second, false), row.iou));
    assert.ok(isNear(maskOverlap(mask, second, true), row.crowdIou));
  }
});

test("refuses runs that are not of the image", () => {
  assert.equal(maskOfRuns([3, 4], 2, 2), null);
  assert.equal(decodeRuns("05", 9, 9), null);
  assert.equal(decodeRuns("\u{1F600}", 2, 2), null);
  assert.equal(decodeRuns("o", 2, 2), null);
});
