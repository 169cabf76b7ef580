import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runFlorence } from "./run-florence.ts";

const ROOT = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "florence-cli-evaluate-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const RUN = [
  "evaluate",
  ...["--data", join(ROOT, "test/evaluate/fixtures/examples.jsonl")],
  ...["--images", join(ROOT, "examples/photos"), "--out", folder],
  ...["--resamples", "100", "--measure", "captioning"],
];

test("prints figures with n and interval, where the rest is, and the paper beside", async () => {
  const { code, stdout, stderr } = await runFlorence([...RUN, "--paper"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^florence-box \(int8, sha256:/u);
  assert.match(stdout, /5 of 5 photos of examples answered/u);
  assert.match(stdout, /^Captions {2}CIDEr-D +\d\.\d{3} {2}\d\.\d{3} to \d\.\d{3} {2}5 photos$/mu); // prettier-ignore
  assert.ok(stdout.includes(join(folder, "report.html")));
  assert.match(stdout, /COCO caption, Karpathy test +CIDEr +133\.0 +135\.6 +140\.0 +143\.3\n/u); // prettier-ignore
  assert.match(stdout, / {2}examples +CIDEr .*5 photos, florence-box int8/u);
});

test("goes on from an earlier run, and prints JSON", async () => {
  const { stdout } = await runFlorence([...RUN, "--name", "mine", "--json"]);
  const summary = JSON.parse(stdout) as { data: { name: string; asked: number } }; // prettier-ignore
  assert.deepEqual([summary.data.name, summary.data.asked], ["mine", 5]);
  const { stdout: paper } = await runFlorence(["evaluate", "--paper", folder]);
  assert.match(paper, /^ {2}mine +CIDEr/mu);
});

test("says what is missing or wrong on the command line", async () => {
  const refusals: readonly (readonly [readonly string[], RegExp])[] = [
    [["--images", "a", "--out", "b"], /--data is missing/u],
    [["--data", "a", "--out", "b"], /--images is missing/u],
    [["--data", "a", "--images", "b"], /--out is missing/u],
    [["photos"], /"photos" is no flag/u],
    [["--data", "a", "--images", "b", "--out", "c", "--beams", "0"], /--beams wants a whole number/u],
    [["--mesure", "x"], /Did you mean --measure\?/u],
  ]; // prettier-ignore
  for (const [argv, wanted] of refusals) {
    const { code, stderr } = await runFlorence(["evaluate", ...argv]);
    assert.equal(code, 2);
    assert.match(stderr, wanted);
  }
  const { code, stderr } = await runFlorence(["evaluate", "--paper", folder + "x"]); // prettier-ignore
  assert.equal(code, 3);
  assert.match(stderr, /There is no .*summary\.json/u);
});
