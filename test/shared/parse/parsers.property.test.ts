// 10,000 random answers through every parser: none throws, and every token is
// in an item, dropped, or framing, and never two of these.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseBoxes, parseQuads } from "../../../src/shared/parse/boxes.ts";
import { contentRange, type Parsed } from "../../../src/shared/parse/pieces.ts";
import { parsePolygons } from "../../../src/shared/parse/polygons.ts";
import {
  parseReference,
  type ReferenceAnswer,
} from "../../../src/shared/parse/reference.ts";
import { parseText } from "../../../src/shared/parse/text.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";
import { randomIds, seededRandom } from "./random-answers.ts";

const COUNT = 10_000;
const SIZE = { width: 640, height: 480 };

/** Parsers, and the positions of an item's tokens. */
const PARSERS: Record<
  string,
  (ids: readonly number[]) => Parsed<readonly number[]>
> = {
  boxes: (ids) => positions(parseBoxes(ids, tokenizer), boxAt),
  quads: (ids) => positions(parseQuads(ids, tokenizer), boxAt),
  polygons: (ids) =>
    positions(parsePolygons(ids, tokenizer), ({ labelAt, at }) => [
      ...labelAt,
      ...at,
    ]),
  text: (ids) => positions(parseText(ids, tokenizer), ({ at }) => at),
};

const boxAt = (item: {
  readonly labelAt: readonly number[];
  readonly binsAt: readonly number[];
}): readonly number[] => [...item.labelAt, ...item.binsAt];

function positions<Item>(
  { items, dropped }: Parsed<Item>,
  at: (item: Item) => readonly number[],
): Parsed<readonly number[]> {
  return { items: items.map(at), dropped };
}

describe("10,000 random answers", () => {
  for (const [name, parse] of Object.entries(PARSERS)) {
    test(`leave no token unaccounted for by the parser of ${name}`, () => {
      const random = seededRandom(1);
      for (let round = 0; round < COUNT; round += 1) {
        const ids = randomIds(random, tokenizer);
        const { items, dropped } = parse(ids);
        const used = new Set(items.flat());
        const left = dropped.flatMap(({ at }) => at);
        assert.equal(new Set(left).size, left.length, "dropped twice");
        assert.ok(!left.some((at) => used.has(at)), "used and dropped");
        const { from, to } = contentRange(ids, tokenizer);
        const seen = new Set([...used, ...left]);
        const expected = new Set<number>();
        for (let at = from; at < to; at += 1) expected.add(at);
        assert.deepEqual(seen, expected, JSON.stringify(ids));
        assert.ok(dropped.every(({ at }) => at.length > 0));
      }
    });
  }

  test("are read in reference mode without an error, inside the image", () => {
    const tokens = [
      "<CAPTION>",
      "<OD>",
      "<REGION_PROPOSAL>",
      "<CAPTION_TO_PHRASE_GROUNDING>",
      "<OCR_WITH_REGION>",
      "<REFERRING_EXPRESSION_SEGMENTATION>",
      "<OPEN_VOCABULARY_DETECTION>",
    ];
    const random = seededRandom(2);
    for (let round = 0; round < COUNT; round += 1) {
      const ids = randomIds(random, tokenizer);
      for (const token of tokens) {
        const answer = parseReference(token, ids, tokenizer, SIZE);
        for (const [index, value] of coordinatesOf(answer).entries()) {
          const side = index % 2 === 0 ? SIZE.width : SIZE.height;
          assert.ok(value >= 0 && value < side && Number.isInteger(value));
        }
      }
    }
  });
});

/** All coordinates of an answer; each list holds x and y in turn. */
function coordinatesOf(answer: ReferenceAnswer): number[] {
  if (typeof answer === "string") return [];
  return [
    ...("bboxes" in answer ? answer.bboxes.flat() : []),
    ...("quad_boxes" in answer ? answer.quad_boxes.flat() : []),
    ...("polygons" in answer ? answer.polygons.flat(2) : []),
  ];
}
