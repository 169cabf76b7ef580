import assert from "node:assert/strict";
import { test } from "node:test";
import {
  isGrounded,
  RECALL_AT,
  type GroundingProtocol,
} from "../../../src/evaluate/metrics/grounding-recall.ts";
import {
  countMask,
  isReferred,
  maskIou,
  meanIou,
  overallIou,
} from "../../../src/evaluate/metrics/referring.ts";
import type { CocoBox } from "../../../src/evaluate/metrics/overlaps.ts";
import { rasterizePolygons } from "../../../src/evaluate/metrics/rasterize-polygon.ts";
import type { Box } from "../../../src/shared/geometry.ts";
import { isNear, readVectors } from "../read-vectors.ts";

type Corners = readonly [number, number, number, number];

interface Grounding {
  readonly phrases: readonly {
    readonly truths: readonly Corners[];
    readonly answers: readonly Corners[];
  }[];
  readonly figures: Readonly<Record<GroundingProtocol, readonly number[]>>;
}

interface Referring {
  readonly rows: readonly {
    readonly width: number;
    readonly height: number;
    readonly box: CocoBox;
    readonly answer: CocoBox | null;
    readonly rings: readonly (readonly number[])[];
    readonly outline: readonly (readonly number[])[] | null;
    readonly iou: number;
    readonly both: number;
    readonly either: number;
  }[];
  readonly accuracy: number;
  readonly meanIou: number;
  readonly overallIou: number;
}

const toBox = ([x_min, y_min, x_max, y_max]: Corners): Box => ({ x_min, y_min, x_max, y_max }); // prettier-ignore
const fromCoco = ([x, y, width, height]: CocoBox): Box =>
  toBox([x, y, x + width, y + height]);

const [grounding] = readVectors("grounding.json") as readonly Grounding[];
const [referring] = readVectors("referring.json") as readonly Referring[];

for (const protocol of ["any-box", "merged-box"] as const) {
  test(`recall at 1, 5, 10 is MDETR's: ${protocol}`, () => {
    const { phrases, figures } = grounding!;
    const found = phrases.map(({ answers, truths }) =>
      isGrounded(answers.map(toBox), truths.map(toBox), protocol),
    );
    for (const at of RECALL_AT.keys()) {
      const share = found.filter((one) => one[at]).length / phrases.length;
      assert.ok(isNear(share, figures[protocol][at]!), `${share}`);
    }
  });
}

test("a phrase without boxes is not found", () => {
  const truths = [toBox([0, 0, 1, 1])];
  assert.deepEqual(isGrounded([], truths, "any-box"), [false, false, false]);
});

test("accuracy at overlap 0.5 is that of pycocotools' overlaps", () => {
  const { rows, accuracy } = referring!;
  const right = rows.filter(({ answer, box }) =>
    isReferred(answer && fromCoco(answer), fromCoco(box)),
  );
  assert.ok(isNear(right.length / rows.length, accuracy));
});

test("mIoU and oIoU are those of pycocotools' masks", () => {
  const { rows } = referring!;
  const counts = rows.map(({ width, height, rings, outline }) =>
    countMask(
      outline && rasterizePolygons(outline, width, height),
      rasterizePolygons(rings, width, height),
    ),
  );
  for (const [at, one] of counts.entries()) {
    const { both, either, iou } = rows[at]!;
    assert.deepEqual(one, { intersection: both, union: either });
    assert.ok(isNear(maskIou(one), iou));
  }
  assert.ok(isNear(meanIou(counts), referring!.meanIou));
  assert.ok(isNear(overallIou(counts), referring!.overallIou));
});
