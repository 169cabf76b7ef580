// Rounds with a training that hands out the model in the box.

import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseFilterOptions } from "../../../src/data-engine/filter/filter-options.ts";
import { readRecords } from "../../../src/data-engine/records/read-records.ts";
import { isSeen } from "../../../src/data-engine/records/record.ts";
import { refine } from "../../../src/data-engine/refine/refine.ts";
import { BUNDLE_TASKS } from "../../../src/data-engine/specialists/specialist.ts";
import { MODEL_IN_THE_BOX } from "../../../src/node/model-in-the-box.ts";
import { DETECTOR, HUMAN, object, record } from "../make-records.ts";
import { temporaryFolder } from "../temporary-folder.ts";

async function setUp(t: TestContext, train: string) {
  const folder = await temporaryFolder(t);
  const photos = join(folder, "photos");
  await cp("examples/photos/surfer.jpg", join(photos, "surfer.jpg"));
  // The box that people drew around the surfer, and a lamp that is not there.
  const records = join(folder, "kept.jsonl");
  const surfer = object(HUMAN, "person", [303, 80, 426, 251], null);
  const lamp = object(DETECTOR, "lamp", [0, 0, 60, 60], 0.3);
  const lines = [
    record("surfer.jpg", [surfer, lamp], { split: "test" }),
    record("gone.jpg", [], {
      dropped: { reason: "near_duplicate", detail: "of another" },
    }),
  ];
  await writeFile(
    records,
    lines.map((one) => `${JSON.stringify(one)}\n`).join(""),
  );
  return {
    photos,
    records,
    out: join(folder, "rounds"),
    rounds: 1,
    tasks: BUNDLE_TASKS,
    train,
    options: parseFilterOptions({}),
    workers: 1,
    signal: new AbortController().signal,
  };
}

const COPY = `cp -r "${MODEL_IN_THE_BOX}" "$FLORENCE_BUNDLE"; echo trained on $(wc -l < "$FLORENCE_RECORDS") in round $FLORENCE_ROUND`;

test("trains, looks again, keeps what is confirmed, and says what it brought", async (t) => {
  const options = await setUp(t, COPY);
  const [report] = await refine(options);
  // The only photo is held out: nothing to train on, everything to measure on.
  assert.deepEqual(report!.trainedOn, { photos: 0, annotations: 0 });
  assert.match(
    await readFile(join(options.out, "round-1", "train.log"), "utf8"),
    /trained on 0 in round 1/u,
  );
  assert.equal(report!.quality.said.photos, 1);
  assert.equal(report!.quality.said.recall, 1);
  assert.equal(report!.yield.dropped, 1);
  assert.ok(report!.yield.agreed >= 1);

  const path = join(options.out, "round-1", "records.jsonl");
  const [surfer, gone] = (await readRecords(path)).filter(isSeen);
  const person = surfer!.annotations.find(
    ({ source }) => source.kind === "human",
  );
  assert.deepEqual(person?.agreed_by, ["florence-box"]);
  assert.ok(
    surfer!.removed!.some(({ reason }) => reason === "model_disagrees"),
  );
  assert.equal(gone!.dropped?.reason, "near_duplicate");

  // What is done stays done: the training would fail now.
  const again = await refine({ ...options, train: "false" });
  assert.deepEqual(again, [report]);
  await rm(join(options.out, "rounds.jsonl"));
  const rebuilt = await refine({ ...options, train: "false" });
  assert.deepEqual(rebuilt, [report]);
});

test("says where to look when training fails or leaves no bundle", async (t) => {
  const options = await setUp(t, "echo no memory; exit 9");
  await assert.rejects(
    refine(options),
    /ended with 9\. What it printed is in .*train\.log/u,
  );
  const log = join(options.out, "round-1", "train.log");
  assert.equal(await readFile(log, "utf8"), "no memory\n");
  await assert.rejects(
    refine({ ...options, train: "true" }),
    /left no bundle/u,
  );
});
