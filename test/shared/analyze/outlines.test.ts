// Phrases whose boxes the language model chooses and the vision side outlines.

import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "../../../src/shared/analyze/analyze.ts";
import { outlineAnswer } from "../../../src/shared/analyze/outline-answer.ts";
import type { BoxOutline } from "../../../src/shared/model/model.ts";
import { promptForm } from "../../../src/shared/model/prompt-form.ts";
import { parseAnalyzeRequest } from "../../../src/shared/schema/analysis.ts";
import { createFakeModel } from "../../fakes/fake-model.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";

const { firstLocation, separator, polyOpen, polyClose, bos, eos } =
  tokenizer.special;
const loc = (...bins: readonly number[]): number[] =>
  bins.map((bin) => firstLocation + bin);

const LEFT = loc(0, 0, 400, 900);
const RIGHT = loc(500, 0, 900, 900);
const UNKNOWN = loc(1, 2, 3, 4);
const OUTLINES: readonly BoxOutline[] = [
  {
    box: LEFT,
    ids: [
      ...loc(200, 0, 400, 900, 0, 900),
      separator,
      ...loc(9, 9, 20, 9, 20, 20),
    ],
  },
  { box: RIGHT, ids: loc(700, 0, 900, 900, 500, 900) },
];

function answerOf(ids: readonly number[]) {
  return {
    ids,
    logProbs: ids.map((_, at) => -at / 10),
    spreads: ids.map(() => 0.5),
    finishReason: "stop" as const,
  };
}

test("puts the outline in the place of a box, with the box's log-probability", () => {
  const said = answerOf([bos, ...LEFT, eos]);
  const { ids, logProbs, spreads } = outlineAnswer(said, OUTLINES, tokenizer);
  assert.deepEqual(ids, [bos, ...OUTLINES[0]!.ids, eos]);
  const mean = -(0.1 + 0.2 + 0.3 + 0.4) / 4;
  for (const value of logProbs.slice(1, -1))
    assert.ok(Math.abs(value - mean) < 1e-12);
  assert.equal(logProbs.at(-1), -0.5);
  assert.equal(spreads[1], null);
});

test("parts several outlines, and tells a box that none is known of as itself", () => {
  const said = answerOf([bos, ...RIGHT, ...UNKNOWN, ...loc(7, 7), eos]);
  const { ids } = outlineAnswer(said, OUTLINES, tokenizer);
  assert.deepEqual(ids, [
    bos,
    polyOpen,
    ...OUTLINES[1]!.ids,
    polyClose,
    polyOpen,
    ...loc(1, 2, 3, 2, 3, 4, 1, 4),
    polyClose,
    eos,
  ]);
});

const PLATFORM = {
  now: () => 0,
  id: (prefix: string) => `${prefix}_1`,
  sha256: () => Promise.resolve("0".repeat(64)),
};
const PIXELS = { width: 1000, height: 1000, data: new Uint8Array(3_000_000) };

for (const beams of [1, 2]) {
  test(`outlines what a phrase names, and tells it when it is known: ${beams} beams`, async () => {
    const fake = createFakeModel(tokenizer, () => [...LEFT, ...RIGHT]);
    const form = promptForm("Locate {input} in the image with mask", tokenizer);
    const loaded = {
      ...fake,
      model: {
        ...fake.model,
        async encode(...args: Parameters<typeof fake.model.encode>) {
          const all = await fake.model.encode(...args);
          const sights = [{ ...form, hintIds: [], outlines: OUTLINES }];
          return all.map((features) => ({ ...features, sights }));
        },
      },
    };
    const { tasks, options } = parseAnalyzeRequest({
      tasks: [{ task: "segment", phrase: "both cars" }],
      options: { beams },
    });
    const told: unknown[] = [];
    const { results } = await analyze(
      loaded,
      {
        image: {
          image: PIXELS,
          size: { width: 1000, height: 1000 },
          mediaType: "image/png",
          orientationApplied: false,
          scaled: false,
        },
        bytes: new Uint8Array(1),
        tasks,
        options,
      },
      PLATFORM,
      { object: ({ item }) => told.push(item) },
    );
    const { segments } = results[0] as unknown as {
      segments: { polygons: number[][][] }[];
    };
    assert.deepEqual(
      segments.map(({ polygons }) => polygons.map((ring) => ring.length)),
      [[3, 3], [3]],
    );
    assert.deepEqual(segments[1]!.polygons[0]![1], [900.5, 900.5]);
    assert.deepEqual(told, segments);
  });
}
