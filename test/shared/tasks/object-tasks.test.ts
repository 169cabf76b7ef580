import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { denseCaption } from "../../../src/shared/tasks/dense-caption.ts";
import { detectOpen } from "../../../src/shared/tasks/detect-open.ts";
import { detect } from "../../../src/shared/tasks/detect.ts";
import { ground } from "../../../src/shared/tasks/ground.ts";
import { ocrLines } from "../../../src/shared/tasks/ocr.ts";
import { propose } from "../../../src/shared/tasks/propose.ts";
import {
  answerOf,
  bins,
  contextOf,
  rounded,
  type RequestOf,
} from "./answers.ts";

const CAR = bins(52, 334, 932, 774);
const WHOLE = bins(0, 0, 999, 999);
const half = Math.log(0.5);

describe("detect", () => {
  const request = { task: "detect" } as const;

  test("gives boxes in pixels with a score for label, corners and both", () => {
    const answer = answerOf(`car${CAR}`, (text) =>
      text.startsWith("<loc") ? Math.log(0.25) : 0,
    );
    const result = detect.finish([answer], contextOf(request));
    assert.equal(result.status, "ok");
    assert.deepEqual(rounded(result.objects), [
      {
        id: "o0",
        label: "car",
        // three tokens of probability 1 and four of 1/4
        score: rounded(0.25 ** (4 / 7)),
        label_score: 1,
        box_score: 0.25,
        box: { x_min: 33.6, y_min: 160.56, x_max: 596.8, y_max: 371.76 },
        box_spread: { x_min: 1.28, y_min: 0.96, x_max: 1.28, y_max: 0.96 },
      },
    ]);
  });

  test("gives shares of the sides if coordinates are normalized", () => {
    const result = detect.finish(
      [answerOf(`car${CAR}`)],
      contextOf(request, { scale: { width: 1, height: 1 } }),
    );
    assert.deepEqual(rounded(result.objects[0]?.box), {
      x_min: 0.0525,
      y_min: 0.3345,
      x_max: 0.9325,
      y_max: 0.7745,
    });
    assert.equal(result.objects[0]?.box_spread?.x_min, 0.002);
  });

  test("sorts corners, and their spreads with them", () => {
    const answer = answerOf(`x${bins(9, 8, 7, 6)}`);
    const spreads = answer.spreads.map((spread, at) =>
      spread === null ? null : at,
    );
    const result = detect.finish([{ ...answer, spreads }], contextOf(request));
    const { box, box_spread } = rounded(result.objects[0]!);
    assert.deepEqual(box, {
      x_min: 4.8,
      y_min: 3.12,
      x_max: 6.08,
      y_max: 4.08,
    });
    // tokens 2 to 5 are x1, y1, x2, y2; x2 and y2 are the lower ones
    assert.deepEqual(box_spread, {
      x_min: 4 * 0.64,
      y_min: 5 * 0.48,
      x_max: 2 * 0.64,
      y_max: 3 * 0.48,
    });
  });

  test("counts objects below min_score, and keeps ids without gaps", () => {
    const answer = answerOf(`a${CAR}b${CAR}`, (_, at) =>
      at <= 5 ? Math.log(0.1) : Math.log(0.9),
    );
    const result = detect.finish(
      [answer],
      contextOf(request, { minScore: 0.5 }),
    );
    assert.deepEqual(
      result.objects.map(({ id, label }) => [id, label]),
      [["o0", "b"]],
    );
    assert.deepEqual(result.dropped, [{ reason: "below_min_score", at: 2 }]);
  });

  test("has neither a label nor its score where the model named none", () => {
    const result = detect.finish([answerOf(CAR)], contextOf(request));
    assert.equal(result.objects[0]?.label, "");
    assert.ok(!("label_score" in result.objects[0]));
  });

  test("has no spread where it was not measured", () => {
    const answer = answerOf(`car${CAR}`);
    const spreads = answer.spreads.map(() => null);
    const result = detect.finish([{ ...answer, spreads }], contextOf(request));
    assert.ok(!("box_spread" in result.objects[0]!));
  });

  test("is no detection where there is no object", () => {
    const result = detect.finish([answerOf("")], contextOf(request));
    assert.equal(result.status, "no_detection");
    assert.deepEqual(result.objects, []);
    assert.ok(!("dropped" in result));
  });
});

describe("dense_caption and propose", () => {
  test("call a label text, or leave it out", () => {
    const answer = answerOf(`a green door${CAR}`);
    const dense = denseCaption.finish(
      [answer],
      contextOf({ task: "dense_caption" } as const),
    );
    assert.equal(dense.objects[0]?.text, "a green door");
    const proposed = propose.finish(
      [answer],
      contextOf({ task: "propose" } as const),
    );
    assert.deepEqual(Object.keys(proposed.objects[0]!).sort(), [
      "box",
      "box_score",
      "box_spread",
      "id",
      "score",
    ]);
    assert.deepEqual(proposed.dropped, [{ reason: "unexpected_text", at: 1 }]);
  });
});

describe("ocr in lines", () => {
  test("gives each line with its corners, and all texts together", () => {
    const quad = bins(414, 100, 932, 100, 932, 229, 414, 229);
    const answer = answerOf(`CUDA${quad}FOR ENGINEERS${quad}`);
    const request = { task: "ocr", layout: "lines" } as const;
    const result = ocrLines.finish([answer], contextOf(request));
    assert.equal(result.text, "CUDA\nFOR ENGINEERS");
    assert.deepEqual(
      result.lines.map(({ id }) => id),
      ["l0", "l1"],
    );
    assert.deepEqual(rounded(result.lines[0]?.quad), [
      [265.28, 48.24],
      [596.8, 48.24],
      [596.8, 110.16],
      [265.28, 110.16],
    ]);
    assert.equal(rounded(result.lines[0]?.score), 0.5);
  });
});

describe("ground", () => {
  const request = {
    task: "ground",
    phrase: "a dog next to a red bicycle",
  } as const;

  test("says where a phrase stands in the caption", () => {
    const answer = answerOf(`a dog${CAR}a red bicycle${CAR}${CAR}`);
    const result = ground.finish([answer], contextOf(request));
    assert.deepEqual(
      result.objects.map(({ id, phrase, span }) => [id, phrase, span]),
      [
        ["o0", "a dog", [0, 5]],
        ["o1", "a red bicycle", [14, 27]],
        ["o2", "a red bicycle", [14, 27]],
      ],
    );
    assert.deepEqual(result.unmatched, []);
  });

  test("takes a box of the whole image for no detection", () => {
    const answer = answerOf(`a dog${WHOLE}a red bicycle${CAR}${WHOLE}`);
    const result = ground.finish([answer], contextOf(request));
    assert.equal(result.status, "ok");
    assert.equal(result.objects.length, 1);
    assert.deepEqual(result.unmatched, [
      { phrase: "a dog", span: [0, 5], reason: "whole_image_box" },
    ]);
    assert.deepEqual(
      result.dropped?.map(({ reason }) => reason),
      ["whole_image_box", "whole_image_box"],
    );
  });

  test("takes a score below the model's threshold for no detection", () => {
    const answer = answerOf(`a dog${CAR}`, Math.log(0.2));
    const result = ground.finish(
      [answer],
      contextOf(request, { threshold: 0.3 }),
    );
    assert.equal(result.status, "no_detection");
    assert.equal(result.unmatched[0]?.reason, "below_threshold");
  });

  test("passes over phrases that name nothing, in any case", () => {
    const result = ground.finish([answerOf(`It${CAR}`)], contextOf(request));
    assert.deepEqual(result.unmatched, [
      { phrase: "It", span: null, reason: "generic_phrase" },
    ]);
  });

  test("has the whole caption unmatched where the model found nothing", () => {
    const result = ground.finish([answerOf("")], contextOf(request));
    assert.deepEqual(result.unmatched, [
      { phrase: request.phrase, span: [0, 27], reason: "not_found" },
    ]);
  });
});

describe("detect_open", () => {
  const labels = ["Car", "bicycle", "dog"];
  const request: RequestOf<"detect_open"> = { task: "detect_open", labels };

  test("rates its labels as the start of an answer", () => {
    assert.deepEqual(detectOpen.labels?.(request), {
      labels,
      kind: "open",
    });
  });

  test("says of each label whether it was found, and how sure that is", () => {
    const answer = answerOf(`car${CAR}car${CAR}dog${WHOLE}cat${CAR}`, half);
    const result = detectOpen.finish(
      [answer],
      contextOf(request, {
        labelScores: [[-1, Math.log(0.07), -1]],
      }),
    );
    assert.deepEqual(
      result.objects.map(({ label, label_index }) => [label, label_index]),
      [
        ["car", 0],
        ["car", 0],
        ["cat", null],
      ],
    );
    assert.deepEqual(rounded(result.labels), [
      { label: "Car", found: true, score: 0.5 },
      { label: "bicycle", found: false, score: 0.07, reason: "not_found" },
      { label: "dog", found: false, score: 0.5, reason: "whole_image_box" },
    ]);
  });

  test("gives outlines where the model draws them", () => {
    const outline = bins(100, 100, 300, 100, 300, 300, 100, 300);
    const answer = answerOf(`dog<poly>${outline}</poly>`);
    const result = detectOpen.finish([answer], contextOf(request));
    const [object] = rounded(result.objects);
    assert.equal(object?.label_index, 2);
    assert.deepEqual(object.box, {
      x_min: 64.32,
      y_min: 48.24,
      x_max: 192.32,
      y_max: 144.24,
    });
    assert.equal(object.area, rounded(128 * 96));
    assert.equal(object.closed, true);
  });

  test("takes any answer for the one label that was asked", () => {
    const one: RequestOf<"detect_open"> = {
      task: "detect_open",
      labels: ["wheels"],
    };
    const result = detectOpen.finish([answerOf(`wheel${CAR}`)], contextOf(one));
    assert.equal(result.objects[0]?.label_index, 0);
    assert.equal(result.labels[0]?.found, true);
  });

  test("has no score for a label that was neither found nor rated", () => {
    const result = detectOpen.finish([answerOf("")], contextOf(request));
    assert.equal(result.status, "no_detection");
    assert.equal(result.labels[0]?.score, null);
  });
});
