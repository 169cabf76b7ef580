import assert from "node:assert/strict";
import { test } from "node:test";
import {
  textWidth,
  truncateText,
} from "../../../src/shared/render/text-width.ts";

test("knows narrow letters from wide ones", () => {
  assert.ok(textWidth("iiii") < textWidth("nnnn"));
  assert.ok(textWidth("nnnn") < textWidth("WWWW"));
  assert.ok(textWidth("東京") >= 2);
});

test("shortens to the width it is given, whatever the script", () => {
  for (const text of [
    "a long English label",
    "Ελληνικά γράμματα",
    "東京都庁舎",
  ]) {
    for (const width of [1, 2, 4, 30]) {
      const short = truncateText(text, width);
      assert.ok(textWidth(short) <= width, short);
      assert.equal(short === text, textWidth(text) <= width);
    }
  }
});

test("does not cut a character in two", () => {
  assert.equal(truncateText("😀😀😀😀", 3), "😀😀…");
});
