import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import { parseAnswer } from "../../../src/shared/tasks/parse-answer.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";
import { bins, IMAGE, rounded } from "./answers.ts";

const CAR = tokenizer.encode(`car${bins(52, 334, 932, 774)}`);

describe("parseAnswer", () => {
  test("gives our result without scores", () => {
    const parsed = parseAnswer("<OD>", [2, ...CAR], tokenizer, IMAGE);
    assert.deepEqual(rounded(parsed), {
      id: "t0",
      task: "detect",
      status: "ok",
      finish_reason: "stop",
      objects: [
        {
          id: "o0",
          label: "car",
          box: { x_min: 33.6, y_min: 160.56, x_max: 596.8, y_max: 371.76 },
        },
      ],
    });
  });

  test("gives the reference's own object on request", () => {
    const options = { ...IMAGE, mode: "reference" } as const;
    const parsed = parseAnswer({ task: "detect" }, CAR, tokenizer, options);
    assert.deepEqual(parsed, {
      "<OD>": { bboxes: [[33, 160, 596, 371]], labels: ["car"] },
    });
  });

  test("says that an answer without its end was cut", () => {
    const parsed = parseAnswer("detect", CAR.slice(0, -1), tokenizer, IMAGE);
    assert.equal(parsed.finish_reason, "length");
  });

  test("reads what a region's answer says from the token alone", () => {
    const ids = tokenizer.encode("a van");
    const parsed = parseAnswer("<REGION_TO_OCR>", ids, tokenizer, IMAGE);
    assert.ok(parsed.task === "ocr_regions");
    assert.equal(parsed.regions[0]?.text, "a van");
  });

  test("needs the request where that holds what was looked for", () => {
    const parse = () =>
      parseAnswer("<OPEN_VOCABULARY_DETECTION>", CAR, tokenizer, IMAGE);
    assert.throws(parse, (error) => {
      assert.ok(isFlorenceError(error));
      assert.equal(error.code, "missing_task_input");
      return true;
    });
  });

  test("refuses an unknown task, and several regions for one answer", () => {
    const codeOf = (run: () => unknown): string | null => {
      try {
        run();
        return null;
      } catch (error) {
        return isFlorenceError(error) ? error.code : "other";
      }
    };
    assert.equal(
      codeOf(() => parseAnswer("<VQA>", CAR, tokenizer, IMAGE)),
      "unknown_task",
    );
    const box = { x_min: 0, y_min: 0, x_max: 9, y_max: 9 };
    const regions = [{ box }, { box }];
    assert.equal(
      codeOf(() =>
        parseAnswer(
          { task: "describe_regions", regions },
          CAR,
          tokenizer,
          IMAGE,
        ),
      ),
      "invalid_request",
    );
  });
});
