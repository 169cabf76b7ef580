import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  annotate,
  type AnnotateOptions,
} from "../../../src/data-engine/annotate/annotate.ts";
import { readRecords } from "../../../src/data-engine/records/read-records.ts";
import { isSeen } from "../../../src/data-engine/records/record.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const PHOTOS = [
  "coco-000000000086.webp",
  "coco-000000000127.webp",
  "coco-000000000208.webp",
];

async function setUp(test: TestContext, labels: readonly object[] = []) {
  const folder = await temporaryFolder(test);
  const photos = join(folder, "photos");
  for (const name of PHOTOS)
    await cp(join("test/data/photos", name), join(photos, "deep", name));
  const labelsFile = join(folder, "labels.jsonl");
  await writeLabels(labelsFile, labels);
  const options: AnnotateOptions = {
    photos,
    out: join(folder, "said.jsonl"),
    specialists: [{ kind: "human", labels: labelsFile }, { kind: "linker" }],
    workers: 1,
    signal: new AbortController().signal,
  };
  return { options, photos, labelsFile };
}

async function writeLabels(path: string, labels: readonly object[]) {
  await writeFile(
    path,
    labels.map((one) => `${JSON.stringify(one)}\n`).join(""),
  );
}

const LABELS = [
  {
    photo: `deep/${PHOTOS[0]!}`,
    split: "train",
    coordinates: "normalized",
    annotations: [
      { kind: "text", level: "brief", text: "a dog on a bed" },
      {
        kind: "region_text",
        about: "object",
        text: "dog",
        region: { box: { x_min: 0, y_min: 0, x_max: 0.5, y_max: 0.5 } },
      },
    ],
  },
];

test("writes a line for each photo and specialist, with provenance", async (t) => {
  const { options } = await setUp(t, LABELS);
  const report = await annotate(options);
  assert.equal(report.photos, 3);
  assert.equal(report.done, 3);
  assert.equal(report.annotations, 3);
  const records = (await readRecords(options.out)).filter(isSeen);
  assert.equal(records.length, 6);
  const [human] = records.filter(({ annotations }) => annotations.length === 2);
  assert.equal(human!.photo.path, `deep/${PHOTOS[0]!}`);
  assert.equal(human!.split, "train");
  assert.deepEqual(
    human!.annotations.map(({ id, source }) => [id, source.kind]),
    [
      ["human#0", "human"],
      ["human#1", "human"],
    ],
  );
  const drawn = human!.annotations[1]!;
  assert.ok(drawn.kind === "region_text");
  // Fractions became pixels.
  assert.equal(drawn.region.box.x_max, human!.photo.width / 2);
});

test("links a phrase of a caption to the object of its name", async (t) => {
  const { options } = await setUp(t, LABELS);
  await annotate(options);
  const records = (await readRecords(options.out)).filter(isSeen);
  const triplets = records.flatMap(({ annotations }) =>
    annotations.filter(({ kind }) => kind === "triplet"),
  );
  assert.equal(triplets.length, 1);
  const [triplet] = triplets;
  assert.ok(triplet?.kind === "triplet");
  assert.equal(triplet.phrase, "a dog");
  assert.equal(triplet.source.id, "linker");
});

test("does nothing twice", async (t) => {
  const { options } = await setUp(t, LABELS);
  await annotate(options);
  const before = await readFile(options.out, "utf8");
  const report = await annotate(options);
  assert.equal(report.done, 0);
  assert.equal(await readFile(options.out, "utf8"), before);
});

test("asks again whoever has something new, and those who listen to them", async (t) => {
  const { options, labelsFile } = await setUp(t, LABELS);
  await annotate(options);
  await writeLabels(labelsFile, [
    {
      photo: `deep/${PHOTOS[1]!}`,
      annotations: [{ kind: "tag", text: "cat" }],
    },
  ]);
  const report = await annotate(options);
  assert.equal(report.done, 3);
  const records = (await readRecords(options.out)).filter(isSeen);
  assert.equal(records.length, 12);
});

test("records a photo that does not decode, skips it, and retries when told", async (t) => {
  const { options, photos } = await setUp(t);
  const bad = join(photos, "bad.jpg");
  await writeFile(bad, "no photo");
  const first = await annotate(options);
  assert.equal(first.unreadable, 1);
  assert.equal(first.failed[0]?.path, "bad.jpg");
  assert.equal(first.done, 4);
  const records = await readRecords(options.out);
  const problem = records.find(
    ({ photo }) => photo.path === "bad.jpg",
  )?.problem;
  assert.equal(problem?.code, "unsupported_media_type");

  assert.equal((await annotate(options)).done, 0);
  assert.equal((await annotate({ ...options, retry: true })).done, 1);
  // Mended, it is another file.
  await cp(join("test/data/photos", PHOTOS[0]!), bad);
  const mended = await annotate(options);
  assert.equal(mended.done, 1);
  assert.equal(mended.unreadable, 0);
});

test("reports a half-written line with its number and does it again", async (t) => {
  const { options } = await setUp(t, LABELS);
  await annotate(options);
  const whole = await readFile(options.out, "utf8");
  await writeFile(options.out, whole.slice(0, -20));
  const told: unknown[] = [];
  const report = await annotate({
    ...options,
    onHalfLine: ({ number }) => told.push(number),
  });
  assert.deepEqual(told, [6]);
  assert.equal(report.done, 1);
  assert.equal((await readRecords(options.out)).length, 6);
});

test("names the line of the labels that is wrong", async (t) => {
  const { options, labelsFile } = await setUp(t);
  await writeFile(labelsFile, `${JSON.stringify(LABELS[0])}\n{"photo":1}\n`);
  await assert.rejects(annotate(options), /labels\.jsonl, line 2: \/photo/u);
});

test("refuses two specialists of one name", async (t) => {
  const { options } = await setUp(t);
  const specialists = [{ kind: "linker" }, { kind: "linker" }] as const;
  await assert.rejects(
    annotate({ ...options, specialists }),
    /Two specialists are called "linker"/u,
  );
});
