import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { segmentRegions } from "../../../src/shared/tasks/segment-regions.ts";
import { segment } from "../../../src/shared/tasks/segment.ts";
import {
  answerOf,
  bins,
  contextOf,
  rounded,
  type RequestOf,
} from "./answers.ts";

const SQUARE = bins(100, 100, 300, 100, 300, 300, 100, 300);
const WHOLE = bins(0, 0, 999, 0, 999, 999, 0, 999);
const BOX = { x_min: 34, y_min: 160, x_max: 597, y_max: 372 };

describe("segment", () => {
  const request = { task: "segment", phrase: "the car" } as const;

  test("gives the outline, a path to draw, its box and its area", () => {
    const result = segment.finish([answerOf(SQUARE)], contextOf(request));
    assert.deepEqual(rounded(result.segments), [
      {
        id: "s0",
        phrase: "the car",
        polygons: [
          [
            [64.32, 48.24],
            [192.32, 48.24],
            [192.32, 144.24],
            [64.32, 144.24],
          ],
        ],
        svg_path: "M64.32 48.24L192.32 48.24L192.32 144.24L64.32 144.24Z",
        box: { x_min: 64.32, y_min: 48.24, x_max: 192.32, y_max: 144.24 },
        area: 12288,
        closed: true,
        score: 0.5,
      },
    ]);
    assert.deepEqual(result.unmatched, []);
  });

  test("joins the rings of one object in one path and area", () => {
    const answer = answerOf(`${SQUARE}<sep>${SQUARE}`);
    const [found] = segment.finish([answer], contextOf(request)).segments;
    assert.equal(found?.polygons.length, 2);
    assert.equal(found.svg_path.match(/Z/gu)?.length, 2);
    assert.equal(rounded(found.area), 24576);
  });

  test("is not closed where the answer was cut", () => {
    const cut = answerOf(SQUARE, 0, "length");
    const [found] = segment.finish([cut], contextOf(request)).segments;
    assert.equal(found?.closed, false);
    const inSecondRing = answerOf(`${SQUARE}<sep>${bins(1, 2)}`, 0, "length");
    const two = segment.finish([inSecondRing], contextOf(request));
    assert.equal(two.segments[0]?.closed, false);
    const wrapped = answerOf(`<poly>${SQUARE}</poly><poly>`, 0, "length");
    const done = segment.finish([wrapped], contextOf(request));
    assert.equal(done.segments[0]?.closed, true);
    const open = segment.finish(
      [answerOf(`<poly>${SQUARE}`)],
      contextOf(request),
    );
    assert.equal(open.segments[0]?.closed, false);
  });

  test("takes an outline of the whole image for no detection", () => {
    const result = segment.finish([answerOf(WHOLE)], contextOf(request));
    assert.equal(result.status, "no_detection");
    assert.deepEqual(result.unmatched, [
      { phrase: "the car", reason: "whole_image_box" },
    ]);
    assert.equal(result.dropped?.[0]?.reason, "whole_image_box");
  });

  test("takes a low score for no detection", () => {
    const answer = answerOf(SQUARE, Math.log(0.1));
    const below = segment.finish(
      [answer],
      contextOf(request, { threshold: 0.2 }),
    );
    assert.equal(below.unmatched[0]?.reason, "below_threshold");
    const low = segment.finish([answer], contextOf(request, { minScore: 0.2 }));
    assert.equal(low.unmatched[0]?.reason, "below_min_score");
  });

  test("does not score what is written around the outline", () => {
    const answer = answerOf(`car${SQUARE}`, (text) =>
      text.startsWith("<loc") ? 0 : -5,
    );
    const result = segment.finish([answer], contextOf(request));
    assert.equal(result.segments[0]?.score, 1);
    assert.deepEqual(result.dropped, [{ reason: "unexpected_text", at: 1 }]);
  });
});

describe("segment_regions", () => {
  test("gives one set of segments per region", () => {
    const request: RequestOf<"segment_regions"> = {
      task: "segment_regions",
      regions: [{ id: "r7", box: BOX }, { box: BOX }],
    };
    const result = segmentRegions.finish(
      [answerOf(SQUARE), answerOf(bins(1, 2, 3))],
      contextOf(request),
    );
    assert.deepEqual(
      result.regions.map(({ id, status, segments }) => [
        id,
        status,
        segments.length,
      ]),
      [
        ["r7", "ok", 1],
        ["r1", "no_detection", 0],
      ],
    );
    assert.deepEqual(result.regions[1]?.dropped, [
      { reason: "incomplete_polygon", at: 1 },
    ]);
  });
});
