import assert from "node:assert/strict";
import { test } from "node:test";
import { findForm, promptForm } from "../../../src/shared/model/prompt-form.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";

const TEXTS = [
  "Locate {input} in the image.",
  "Locate the phrases in the caption: {input}",
  "Locate {input} in the image with mask",
  "Locate the objects in the image.",
];
const FORMS = TEXTS.map((text) => ({ text, ...promptForm(text, tokenizer) }));

const textOf = (prompt: string): string | undefined =>
  findForm(FORMS, tokenizer.encode(prompt))?.text;

test("finds the form of a prompt around the caller's words", () => {
  assert.equal(textOf("Locate a red car in the image."), TEXTS[0]);
  assert.equal(textOf("Locate a red car in the image with mask"), TEXTS[2]);
  assert.equal(textOf("What does the image describe?"), undefined);
});

test("takes a prompt without words before one with, then the most fixed text", () => {
  assert.equal(textOf("Locate the objects in the image."), TEXTS[3]);
  const odd = "Locate the phrases in the caption: a dog in the image.";
  assert.equal(textOf(odd), TEXTS[1]);
});

test("asks for words where words may stand", () => {
  assert.equal(textOf("Locate in the image."), undefined);
});
