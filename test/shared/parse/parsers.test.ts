// The parsers over token ids, each with well-formed answers and with the
// malformed ones that the reference misreads.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseBoxes, parseQuads } from "../../../src/shared/parse/boxes.ts";
import type { Parsed } from "../../../src/shared/parse/pieces.ts";
import { parsePolygons } from "../../../src/shared/parse/polygons.ts";
import { parseText } from "../../../src/shared/parse/text.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";

const bins = (...values: number[]): string =>
  values.map((value) => `<loc_${value}>`).join("");

const reasons = ({ dropped }: Parsed<unknown>): string[] =>
  [...dropped].sort((a, b) => a.at[0]! - b.at[0]!).map(({ reason }) => reason);

describe("parseBoxes", () => {
  const parse = (text: string) => parseBoxes(tokenizer.encode(text), tokenizer);
  const labeled = (text: string) =>
    parse(text).items.map((item) => [item.label, ...item.bins]);

  test("gives a label to all the boxes that follow it", () => {
    const text = `car${bins(1, 2, 3, 4)}wheel${bins(5, 6, 7, 8, 9, 10, 11, 12)}`;
    assert.deepEqual(labeled(text), [
      ["car", 1, 2, 3, 4],
      ["wheel", 5, 6, 7, 8],
      ["wheel", 9, 10, 11, 12],
    ]);
    assert.deepEqual(reasons(parse(text)), []);
  });

  test("keeps a truncated box out of the next label", () => {
    const text = `car${bins(52, 334, 932)}wheel${bins(1, 2, 3, 4, 5)}`;
    assert.deepEqual(labeled(text), [["wheel", 1, 2, 3, 4]]);
    assert.deepEqual(reasons(parse(text)), [
      "label_without_box",
      "incomplete_box",
      "incomplete_box",
    ]);
  });

  test("keeps a first box that has no label", () => {
    const text = `${bins(1, 2, 3, 4)}car${bins(5, 6, 7, 8)}`;
    assert.deepEqual(labeled(text), [
      ["", 1, 2, 3, 4],
      ["car", 5, 6, 7, 8],
    ]);
  });

  test("begins a new label at a mark", () => {
    const text = `a<sep>b${bins(1, 2, 3, 4)}`;
    assert.deepEqual(labeled(text), [["b", 1, 2, 3, 4]]);
    assert.deepEqual(reasons(parse(text)), [
      "label_without_box",
      "unexpected_token",
    ]);
  });

  test("joins a label that a line break parts", () => {
    assert.deepEqual(labeled(`big\ncar${bins(1, 2, 3, 4)}`), [
      ["big car", 1, 2, 3, 4],
    ]);
  });

  test("keeps Unicode in labels", () => {
    assert.deepEqual(labeled(` café 中 ${bins(1, 2, 3, 4)}`), [
      ["café 中", 1, 2, 3, 4],
    ]);
  });

  test("takes text that looks like a location for text", () => {
    const ids = [
      ...tokenizer.encodePlain("x<loc_1>"),
      ...tokenizer.encode(bins(2, 3, 4, 5)).slice(1),
    ];
    const { items } = parseBoxes(ids, tokenizer);
    assert.deepEqual(
      items.map((item) => [item.label, ...item.bins]),
      [["x<loc_1>", 2, 3, 4, 5]],
    );
  });

  test("finds nothing in an empty answer", () => {
    for (const ids of [[], [0, 2], [2, 0, 0, 0, 2, 1, 1]]) {
      const parsed = parseBoxes(ids, tokenizer);
      assert.deepEqual(parsed, { items: [], dropped: [] });
    }
  });

  test("drops other added tokens and goes on", () => {
    const text = `c<od>ar${bins(1, 2)}<pad>${bins(3, 4)}`;
    assert.deepEqual(labeled(text), [["car", 1, 2, 3, 4]]);
    assert.deepEqual(reasons(parse(text)), [
      "unexpected_token",
      "unexpected_token",
    ]);
  });

  test("says where the tokens of each item stand", () => {
    const [item] = parse(`car${bins(1, 2, 3, 4)}`).items;
    assert.deepEqual(item?.labelAt, [1, 2, 3]);
    assert.deepEqual(item.binsAt, [4, 5, 6, 7]);
  });
});

describe("parseQuads", () => {
  const EIGHT = [1, 2, 3, 4, 5, 6, 7, 8];
  const parse = (text: string) => parseQuads(tokenizer.encode(text), tokenizer);
  const lines = (text: string) => parse(text).items.map(({ label }) => label);

  test("reads a text and its four corners", () => {
    const parsed = parse(`CUDA${bins(...EIGHT)}FOR${bins(...EIGHT)}`);
    assert.deepEqual(
      parsed.items.map(({ label }) => label),
      ["CUDA", "FOR"],
    );
    assert.deepEqual(parsed.items[0]?.bins, EIGHT);
  });

  test("keeps line breaks inside a text", () => {
    assert.deepEqual(lines(`A\nB${bins(...EIGHT)}`), ["A\nB"]);
  });

  test("keeps a truncated quad out of the next text", () => {
    const text = `C${bins(1, 2, 3, 4)}D${bins(...EIGHT)}`;
    assert.deepEqual(lines(text), ["D"]);
    assert.deepEqual(reasons(parse(text)), [
      "label_without_box",
      "incomplete_quad",
    ]);
  });

  test("drops corners without a text of their own", () => {
    const text = `${bins(...EIGHT)}A${bins(...EIGHT, ...EIGHT)} ${bins(...EIGHT)}`;
    assert.deepEqual(lines(text), ["A"]);
    assert.deepEqual(reasons(parse(text)), [
      "quad_without_text",
      "quad_without_text",
      "blank_text",
      "quad_without_text",
    ]);
  });
});

describe("parsePolygons", () => {
  const A = bins(1, 2, 3, 4, 5, 6);
  const B = bins(11, 12, 13, 14, 15, 16);
  const parse = (text: string) =>
    parsePolygons(tokenizer.encode(text), tokenizer);
  const shape = (text: string) =>
    parse(text).items.map(({ label, rings, isClosed }) => [
      label,
      rings.length,
      isClosed,
    ]);

  test("reads one object of one ring", () => {
    const [item] = parse(A).items;
    assert.deepEqual(item?.rings, [[1, 2, 3, 4, 5, 6]]);
    assert.equal(item.isClosed, true);
  });

  test("parts the rings of one object at <sep>", () => {
    assert.deepEqual(shape(`${A}<sep>${B}`), [["", 2, true]]);
  });

  test("parts objects by <poly> and </poly>", () => {
    const text = `dog<poly>${A}</poly><poly>${B}<sep>${A}</poly>cat<poly>${B}</poly>`;
    assert.deepEqual(shape(text), [
      ["dog", 1, true],
      ["dog", 2, true],
      ["cat", 1, true],
    ]);
    assert.deepEqual(reasons(parse(text)), []);
  });

  test("keeps an object whose </poly> is missing, and says so", () => {
    assert.deepEqual(shape(`dog<poly>${A}`), [["dog", 1, false]]);
    assert.deepEqual(shape(`<poly>${A}<poly>${B}</poly>`), [
      ["", 1, false],
      ["", 1, true],
    ]);
  });

  test("keeps a stray location out of the next label", () => {
    const text = `x<loc_1>dog<poly>${A}</poly>`;
    assert.deepEqual(shape(text), [["dog", 1, true]]);
    assert.deepEqual(reasons(parse(text)), [
      "label_without_polygon",
      "incomplete_polygon",
    ]);
  });

  test("drops an odd last number and rings without an area", () => {
    const text = `${A}<loc_9><sep>${bins(1, 2, 3, 4)}`;
    assert.deepEqual(shape(text), [["", 1, true]]);
    assert.deepEqual(reasons(parse(text)), [
      "incomplete_point",
      "incomplete_polygon",
    ]);
    assert.deepEqual(reasons(parse("<poly></poly></poly>")), [
      "empty_polygon",
      "unexpected_token",
    ]);
  });
});

describe("parseText", () => {
  const parse = (text: string) => parseText(tokenizer.encode(text), tokenizer);

  test("gives the text without its framing and outer blanks", () => {
    const parsed = parse(" A green car.\nParked. ");
    assert.equal(parsed.items[0]?.text, "A green car.\nParked.");
    assert.deepEqual(parsed.dropped, []);
  });

  test("drops locations and marks that a model echoes", () => {
    const parsed = parse(`car${bins(1, 2, 3, 4)}<sep>`);
    assert.equal(parsed.items[0]?.text, "car");
    assert.deepEqual(reasons(parsed), [
      "unexpected_location",
      "unexpected_token",
    ]);
  });

  test("has no item where there is nothing but blanks", () => {
    assert.deepEqual(parse("").items, []);
    assert.deepEqual(reasons(parse(" \n ")), ["blank_text"]);
  });
});
