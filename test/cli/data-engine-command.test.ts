import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parseSpecialist } from "../../src/data-engine/specialists/parse-specialist.ts";
import { temporaryFolder } from "../data-engine/temporary-folder.ts";
import { DETECTOR, object, record } from "../data-engine/make-records.ts";
import { runFlorence } from "./run-florence.ts";

test("publishes the schema of records as the docs have it", async () => {
  const { code, stdout } = await runFlorence([
    "data-engine",
    "schema",
    "record",
  ]);
  assert.equal(code, 0);
  const file = await readFile("docs/data-engine-record.schema.json", "utf8");
  assert.deepEqual(
    JSON.parse(file),
    JSON.parse(stdout),
    "write it anew: florence data-engine schema record",
  );
});

test("filters and prints the table", async (t) => {
  const folder = await temporaryFolder(t);
  const said = join(folder, "said.jsonl");
  const line = record("a.webp", [object(DETECTOR, "dog", [0, 0, 90, 90])], {
    by: DETECTOR,
  });
  await writeFile(said, `${JSON.stringify(line)}\n`);
  const options = join(folder, "options.json");
  await writeFile(options, '{"minScore": 0.95}');
  const out = join(folder, "kept.jsonl");
  const { code, stdout, stderr } = await runFlorence([
    ...["data-engine", "filter", said, "--out", out, "--options", options],
  ]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^1 photos, 1 kept$/mu);
  assert.match(stdout, /region object +detector +1 +0 +low_score 1/u);
});

test("says what is wrong with a command line", async (t) => {
  const folder = await temporaryFolder(t);
  const tellOf = async (...argv: string[]): Promise<string> => {
    const { code, stderr } = await runFlorence(["data-engine", ...argv]);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await tellOf(), /Say what to do: annotate, filter/u);
  assert.match(await tellOf("paint"), /"paint" is none of its actions/u);
  assert.match(await tellOf("filter"), /takes one argument, the JSONL file/u);
  assert.match(
    await tellOf("filter", "a.jsonl", "--seed", "1"),
    /data-engine filter takes no --seed; it takes --out, --options/u,
  );
  assert.match(await tellOf("filter", "a.jsonl"), /--out is missing/u);
  assert.match(
    await tellOf("annotate", folder, "--out", "x", "--specialist", "detectr"),
    /Did you mean detector\?/u,
  );
  assert.match(
    await tellOf("schema", "recrd"),
    /one of record, labels, options, round.*Did you mean record/u,
  );
});

test("reads specialists as they are written", () => {
  assert.deepEqual(parseSpecialist("detector=yolox.onnx"), {
    kind: "detector",
    model: "yolox.onnx",
    minScore: 0.1,
  });
  assert.deepEqual(parseSpecialist("matte"), { kind: "matte" });
  const florence = parseSpecialist("florence=my-bundle", ["caption"]);
  assert.ok(florence.kind === "florence");
  assert.equal(florence.bundle, "my-bundle");
  assert.deepEqual(florence.tasks, ["caption"]);
  assert.throws(() => parseSpecialist("detector"), /detector=FILE\.onnx/u);
  assert.throws(() => parseSpecialist("ocr=x"), /Write --specialist ocr\./u);
  assert.throws(
    () => parseSpecialist("florence", ["paint"]),
    /"paint" is not/u,
  );
});
