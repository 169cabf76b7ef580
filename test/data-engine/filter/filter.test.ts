import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseFilterOptions } from "../../../src/data-engine/filter/filter-options.ts";
import { filter } from "../../../src/data-engine/filter/filter.ts";
import {
  summarize,
  summaryLines,
} from "../../../src/data-engine/filter/summary.ts";
import {
  isSeen,
  type PhotoRecord,
} from "../../../src/data-engine/records/record.ts";
import {
  BUNDLE,
  DETECTOR,
  HUMAN,
  caption,
  factsOf,
  object,
  record,
  tag,
} from "../make-records.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const UNREADABLE: PhotoRecord = {
  photo: { path: "z.webp", bytes: 3 },
  problem: { code: "image_undecodable", detail: "damaged" },
};

async function run(
  test: TestContext,
  records: readonly PhotoRecord[],
  options: object = {},
) {
  const folder = await temporaryFolder(test);
  const input = join(folder, "said.jsonl");
  const lines = records.map((one) => `${JSON.stringify(one)}\n`);
  await writeFile(input, lines.join(""));
  const call = {
    records: input,
    out: join(folder, "kept.jsonl"),
    options: parseFilterOptions(options),
    signal: new AbortController().signal,
  };
  return { call, kept: await filter(call) };
}

const SAID = [
  record(
    "b.webp",
    [
      object(DETECTOR, "dog", [0, 0, 90, 90], 0.9),
      object(DETECTOR, "cat", [0, 0, 90, 90], 0.1),
      caption(DETECTOR, "a dog"),
    ],
    { by: DETECTOR, photo: factsOf("b.webp", "00000000000000ff") },
  ),
  record("b.webp", [object(BUNDLE, "dog", [0, 0, 88, 90], 0.9)], {
    by: BUNDLE,
    photo: factsOf("b.webp", "00000000000000ff"),
  }),
  record("c.webp", [], {
    by: HUMAN,
    split: "test",
    photo: factsOf("c.webp", "0000000000000fff"),
  }),
  UNREADABLE,
];

test("writes one record a photo, every removal with its reason", async (t) => {
  const { kept, call } = await run(t, SAID, { duplicateBits: 0 });
  assert.deepEqual(
    kept.map(({ photo }) => photo.path),
    ["b.webp", "c.webp", "z.webp"],
  );
  const [first] = kept;
  assert.ok(first !== undefined && isSeen(first));
  assert.deepEqual(
    first.annotations.map(({ text, agreed_by }) => [text, agreed_by]),
    [["dog", ["box"]]],
  );
  assert.deepEqual(first.removed!.map(({ reason }) => reason).sort(), [
    "low_score",
    "overlaps_better",
    "too_simple",
  ]);
  const lines = (await readFile(call.out, "utf8")).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as unknown),
    kept,
  );
});

test("doubts a text that names what was doubted, unless somebody else names it", async (t) => {
  const people = record(
    "b.webp",
    [
      object(DETECTOR, "sandwich", [0, 0, 90, 90], 0.3),
      object(DETECTOR, "dog", [0, 0, 90, 90], 0.9),
      caption(BUNDLE, "a large dog and a sandwich"),
      caption(BUNDLE, "a large dog on a bed"),
      caption(HUMAN, "a dog and a sandwich"),
    ],
    { by: BUNDLE },
  );
  const textsOf = async (one: PhotoRecord): Promise<string[]> => {
    const { kept } = await run(t, [one]);
    const [first] = kept;
    assert.ok(first !== undefined && isSeen(first));
    return first.annotations
      .filter(({ kind }) => kind === "text")
      .map(({ text }) => text);
  };
  assert.deepEqual(await textsOf(people), [
    "a large dog and a sandwich",
    "a large dog on a bed",
    "a dog and a sandwich",
  ]);
  const alone = {
    ...people,
    annotations: people.annotations.filter(
      ({ source }) => source.kind !== "human",
    ),
  };
  assert.deepEqual(await textsOf(alone), ["a large dog on a bed"]);
  const tagged = {
    ...alone,
    annotations: [...alone.annotations, tag(DETECTOR, "sandwich", 0.9)],
  };
  assert.equal((await textsOf(tagged)).length, 2);
});

test("drops copies: one that leaks into the test split, one of a train photo", async (t) => {
  const photos = [
    record("a.webp", [], {
      by: HUMAN,
      photo: factsOf("a.webp", "00000000000000fe"),
    }),
    record("t.webp", [], {
      by: HUMAN,
      split: "test",
      photo: factsOf("t.webp", "00000000000000ff"),
    }),
    record("m.webp", [], {
      by: HUMAN,
      photo: factsOf("m.webp", "ff00000000000000"),
    }),
    record("n.webp", [], {
      by: HUMAN,
      photo: factsOf("n.webp", "fe00000000000000"),
    }),
  ];
  const { kept } = await run(t, photos);
  const dropped = kept.map((one) => [
    one.photo.path,
    isSeen(one) ? one.dropped?.reason : undefined,
  ]);
  assert.deepEqual(dropped, [
    ["a.webp", "split_leak"],
    ["m.webp", undefined],
    ["n.webp", "near_duplicate"],
    ["t.webp", undefined],
  ]);
});

test("goes on where it was cut, and says the same as an uncut run", async (t) => {
  const { call, kept } = await run(t, SAID);
  const whole = await readFile(call.out, "utf8");
  await writeFile(call.out, whole.slice(0, whole.indexOf("\n") + 40));
  let halfLine: unknown = null;
  const again = await filter({
    ...call,
    onHalfLine: (line) => {
      halfLine = line;
    },
  });
  assert.deepEqual(halfLine, { number: 2, bytes: 39 });
  assert.deepEqual(again, kept);
  assert.equal(await readFile(call.out, "utf8"), whole);
});

test("refuses to go on with other options or other records", async (t) => {
  const { call } = await run(t, SAID);
  const options = parseFilterOptions({ minScore: 0.05 });
  await assert.rejects(filter({ ...call, options }), /with other options/u);
});

test("counts in a table what was said, kept and why not", async (t) => {
  const { kept } = await run(t, SAID, { duplicateBits: 0 });
  const summary = summarize(kept);
  assert.equal(summary.kept, 2);
  assert.deepEqual([...summary.dropped], [["undecodable", 1]]);
  const lines = summaryLines(summary);
  assert.equal(lines[0], "3 photos, 2 kept; dropped: undecodable 1");
  assert.ok(
    lines.some((line) =>
      /^region object +detector +2 +1 +low_score 1$/u.test(line),
    ),
    lines.join("\n"),
  );
});
