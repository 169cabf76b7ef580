import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  captionDetailed,
  captionShort,
} from "../../../src/shared/tasks/caption.ts";
import { classifyRegions } from "../../../src/shared/tasks/classify-regions.ts";
import { ocrText } from "../../../src/shared/tasks/ocr.ts";
import { describeRegions } from "../../../src/shared/tasks/region-text.ts";
import {
  answerOf,
  bins,
  contextOf,
  rounded,
  type RequestOf,
} from "./answers.ts";

const BOX = { x_min: 34, y_min: 160, x_max: 597, y_max: 372 };

describe("caption", () => {
  const request = { task: "caption", detail: "short" } as const;

  test("gives the text and its score, framing not counted", () => {
    const answer = answerOf("A dog.", (text) =>
      text.startsWith("<") ? -9 : Math.log(0.25),
    );
    const result = captionShort.finish([answer], contextOf(request));
    assert.deepEqual(rounded(result), {
      id: "t0",
      task: "caption",
      status: "ok",
      finish_reason: "stop",
      score_kind: "sequence_logprob",
      detail: "short",
      text: "A dog.",
      score: 0.25,
    });
  });

  test("says that a caption was cut", () => {
    const answer = answerOf("A dog", 0, "length");
    const detailed = { task: "caption", detail: "detailed" } as const;
    const result = captionDetailed.finish([answer], contextOf(detailed));
    assert.equal(result.finish_reason, "length");
    assert.equal(result.detail, "detailed");
  });

  test("is no detection where the model wrote nothing", () => {
    const result = captionShort.finish([answerOf("")], contextOf(request));
    assert.equal(result.status, "no_detection");
    assert.equal(result.text, "");
    assert.equal(result.score, 0);
  });

  test("shows the model's own answer if asked, and what was left out", () => {
    const answer = answerOf("A <loc_7><sep>dog", -1);
    const result = captionShort.finish(
      [answer],
      contextOf(request, { includeRaw: true }),
    );
    assert.equal(result.text, "A dog");
    assert.deepEqual(result.dropped, [
      { reason: "unexpected_location", at: 3 },
      { reason: "unexpected_token", at: 4 },
    ]);
    assert.equal(result.raw?.text, "<s>A <loc_7><sep>dog</s>");
    assert.deepEqual(result.raw.token_ids, answer.ids);
    assert.deepEqual(result.raw.log_probs, answer.logProbs);
  });
});

describe("ocr as text", () => {
  test("keeps line breaks", () => {
    const request = { task: "ocr", layout: "text" } as const;
    const answer = answerOf("Town Hall\n9:00 AM\n");
    const result = ocrText.finish([answer], contextOf(request));
    assert.equal(result.text, "Town Hall\n9:00 AM");
    assert.equal(result.layout, "text");
  });
});

describe("describe_regions", () => {
  const request: RequestOf<"describe_regions"> = {
    task: "describe_regions",
    regions: [{ id: "van", box: BOX }, { box: BOX }],
  };

  test("gives one entry per region, with ids of its own where none is given", () => {
    const answers = [answerOf(`a van${bins(1, 2)}`, 0, "length"), answerOf("")];
    const result = describeRegions.finish(answers, contextOf(request));
    assert.equal(result.status, "ok");
    assert.equal(result.finish_reason, "length");
    assert.deepEqual(result.regions, [
      {
        id: "van",
        status: "ok",
        finish_reason: "length",
        text: "a van",
        score: 1,
        dropped: [{ reason: "unexpected_location", at: 6 }],
      },
      {
        id: "r1",
        status: "no_detection",
        finish_reason: "stop",
        text: "",
        score: 0,
      },
    ]);
  });

  test("shows the answers with their regions if asked", () => {
    const result = describeRegions.finish(
      [answerOf("a"), answerOf("b")],
      contextOf(request, { includeRaw: true }),
    );
    assert.equal(result.regions[1]?.raw?.text, "<s>b</s>");
    assert.ok(!("raw" in result));
  });
});

describe("classify_regions", () => {
  const regions = [{ box: BOX }];

  test("takes the category the model wrote", () => {
    const request: RequestOf<"classify_regions"> = {
      task: "classify_regions",
      regions,
    };
    assert.equal(classifyRegions.labels?.(request) ?? null, null);
    const result = classifyRegions.finish(
      [answerOf("van")],
      contextOf(request),
    );
    assert.equal(result.regions[0]?.label, "van");
    assert.ok(!("scores" in result.regions[0]));
  });

  test("picks the best of closed labels by a softmax over them", () => {
    const labels = ["car", "van", "bus"];
    const request: RequestOf<"classify_regions"> = {
      task: "classify_regions",
      regions,
      labels,
    };
    assert.deepEqual(classifyRegions.labels?.(request), {
      labels,
      kind: "closed",
    });
    const result = classifyRegions.finish(
      [answerOf("van")],
      contextOf(request, {
        labelScores: [[Math.log(0.1), Math.log(0.6), Math.log(0.3)]],
      }),
    );
    const [region] = rounded(result.regions);
    assert.equal(region?.label, "van");
    assert.equal(region.score, 0.6);
    assert.deepEqual(region.scores, { car: 0.1, van: 0.6, bus: 0.3 });
  });
});
