import assert from "node:assert/strict";
import { test } from "node:test";
import {
  colorOfLabel,
  contrastRatio,
  readableTextColor,
} from "../../../src/shared/render/label-color.ts";

test("measures contrast as WCAG does", () => {
  assert.equal(contrastRatio("#000000", "#ffffff"), 21);
  assert.equal(contrastRatio("#123456", "#123456"), 1);
  // #767676 on white is the well-known edge of level AA.
  assert.ok(Math.abs(contrastRatio("#767676", "#ffffff") - 4.54) < 0.01);
});

test("writes on every label's color at 4.5 to 1 or better", () => {
  for (let index = 0; index < 500; index += 1) {
    const { fill, text } = colorOfLabel(`label ${index}`);
    assert.ok(contrastRatio(fill, text) >= 4.5, fill);
  }
});

test("chooses black on light and white on dark", () => {
  assert.equal(readableTextColor("#ffe03d"), "#000000");
  assert.equal(readableTextColor("#102040"), "#ffffff");
});

test("gives a label the same color however it is written", () => {
  assert.deepEqual(colorOfLabel("Red Van"), colorOfLabel(" red van "));
});

test("spreads labels over the palette", () => {
  const fills = new Set(
    Array.from(
      { length: 200 },
      (_, index) => colorOfLabel(`thing${index}`).fill,
    ),
  );
  assert.equal(fills.size, 16);
});
