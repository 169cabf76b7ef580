import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import {
  historyByPhoto,
  parseRecords,
  readRecords,
} from "../../../src/data-engine/records/read-records.ts";
import { DETECTOR, HUMAN, object, record } from "../make-records.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const GOOD = JSON.stringify(record("a.webp", []));

test("names the line that is no JSON", () => {
  assert.throws(
    () => parseRecords([GOOD, '{"photo":{"pa'], "said.jsonl"),
    /said\.jsonl, line 2 is no JSON: \{"photo":\{"pa.*half-written/u,
  );
});

test("names the line and the field that is wrong", () => {
  const bad = JSON.parse(GOOD) as { photo: { width: number } };
  bad.photo.width = -1;
  assert.throws(
    () => parseRecords([GOOD, GOOD, JSON.stringify(bad)], "said.jsonl"),
    (error) =>
      isFlorenceError(error) &&
      /said\.jsonl, line 3: \/photo\/width/u.test(error.message) &&
      error.errors[0]?.pointer === "/photo/width",
  );
});

test("refuses boxes with corners the wrong way round", () => {
  const turned = record("a.webp", [object(HUMAN, "dog", [50, 0, 10, 20])]);
  assert.throws(
    () => parseRecords([JSON.stringify(turned)], "said.jsonl"),
    /x_min at most x_max/u,
  );
});

test("leaves out a last line that is being written", async (t) => {
  const path = join(await temporaryFolder(t), "said.jsonl");
  await writeFile(path, `${GOOD}\n${GOOD.slice(0, 30)}`);
  assert.equal((await readRecords(path)).length, 1);
});

test("takes the last word of each source, and only on the newest content", () => {
  const old = record("a.webp", [], { by: DETECTOR });
  const corrected = record("a.webp", [object(DETECTOR, "dog", [0, 0, 9, 9])], {
    by: DETECTOR,
  });
  const human = record("a.webp", [], { by: HUMAN });
  const { seen } = historyByPhoto([old, human, corrected]).get("a.webp")!;
  assert.deepEqual(seen, [human, corrected]);

  const changed = record("a.webp", [], {
    photo: { ...old.photo, sha256: "b".repeat(64) },
    by: HUMAN,
  });
  const after = historyByPhoto([corrected, changed]).get("a.webp")!;
  assert.deepEqual(after.seen, [changed]);
});

test("forgets that a photo could not be read once it can", () => {
  const failure = {
    photo: { path: "a.webp", bytes: 3 },
    problem: { code: "image_undecodable", detail: "damaged" },
  } as const;
  const seen = record("a.webp", [], { by: HUMAN });
  assert.equal(historyByPhoto([failure, seen]).get("a.webp")!.unreadable, null);
  assert.equal(
    historyByPhoto([seen, failure]).get("a.webp")!.unreadable,
    failure,
  );
});
