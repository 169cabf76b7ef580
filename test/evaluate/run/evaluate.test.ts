import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"; // prettier-ignore
import { appendFile, watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { evaluate, type EvaluateOptions } from "../../../src/evaluate/index.ts";
import { MODEL_IN_THE_BOX } from "../../../src/node/model-in-the-box.ts";
import { isFlorenceError } from "../../../src/shared/errors.ts";

const ROOT = join(import.meta.dirname, "../../..");
const FIXTURE = join(ROOT, "test/evaluate/fixtures/examples.jsonl");
const folder = mkdtempSync(join(tmpdir(), "florence-evaluate-"));
const images = join(folder, "photos");
const data = join(folder, "data.jsonl");
const bundle = join(folder, "bundle");

before(() => {
  cpSync(join(ROOT, "examples/photos"), images, { recursive: true });
  // The model in the box, told to know two tasks, whatever it will learn.
  cpSync(MODEL_IN_THE_BOX, bundle, { recursive: true });
  const manifest = join(bundle, "manifest.json");
  const told = JSON.parse(readFileSync(manifest, "utf8")) as object;
  writeFileSync(manifest, JSON.stringify({ ...told, tasks: ["caption", "detect"] })); // prettier-ignore
  // Two photos more: one that is cut off, one that is not there.
  const street = readFileSync(join(images, "street.jpg"));
  writeFileSync(join(images, "cut.jpg"), street.subarray(0, 900));
  const broken = ["cut.jpg", "absent.jpg"].map((image) => JSON.stringify({ image, captions: ["a street"] })); // prettier-ignore
  writeFileSync(data, `${readFileSync(FIXTURE, "utf8")}${broken.join("\n")}\n`);
});
after(() => {
  rmSync(folder, { recursive: true });
});

function options(out: string, more: Partial<EvaluateOptions> = {}) {
  return {
    ...{ bundle, data: [data], name: "examples", images, out: join(folder, out) }, // prettier-ignore
    // The options are those of the command, whose killed run one of these goes on with.
    ...{ options: { min_score: 0 }, workers: 2, threads: 1 },
    bootstrap: { resamples: 200, seed: 1 },
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...more,
  };
}

const linesOf = (out: string): string[] =>
  readFileSync(join(folder, out, "predictions.jsonl"), "utf8").trimEnd().split("\n"); // prettier-ignore

async function refusal(run: Promise<unknown>): Promise<string> {
  try {
    await run;
  } catch (error) {
    assert.ok(isFlorenceError(error), String(error));
    return error.message;
  }
  return assert.fail("it was taken");
}

test("measures the model in the box on photos of its own, and tells of bad ones", async () => {
  const told: string[] = [];
  const { summary, known } = await evaluate(
    options("whole", {
      onProgress: (done, total) => told.push(`${done}/${total}`),
    }),
  );
  assert.equal(known, 0);
  assert.deepEqual(told, [1, 2, 3, 4, 5, 6, 7].map((done) => `${done}/7`)); // prettier-ignore
  assert.equal(linesOf("whole").length, 8);
  assert.equal(summary.bundle.photos, 5);
  assert.deepEqual(
    summary.bundle.skipped.map(({ image, code }) => [image, code]),
    [["cut.jpg", "image_undecodable"], ["absent.jpg", "not_found"]],
  ); // prettier-ignore
  const figure = (measure: string, name: string) =>
    summary.bundle.measures.find((one) => one.name === measure)?.figures.find((one) => one.name === name); // prettier-ignore
  const cider = figure("captioning", "CIDEr");
  assert.ok((cider?.value ?? 0) > 0.2 && cider?.n === 5, String(cider?.value));
  const recall = figure("detecting", "AR100");
  assert.equal(recall?.n, 9);
  assert.ok((recall.value ?? 0) > 0.4, String(recall.value));
  assert.ok(recall.low !== null && recall.high !== null && recall.value !== null); // prettier-ignore
  assert.ok(recall.low <= recall.value && recall.value <= recall.high);
  assert.ok(summary.bundle.not_measured.some(({ reason }) => reason.includes("ground"))); // prettier-ignore

  const report = readFileSync(join(folder, "whole/report.html"), "utf8");
  const { revision, sha256 } = summary.bundle;
  for (const part of [
    revision,
    sha256,
    summary.data.sha256,
    "cut.jpg",
    "data:image/webp;base64,",
  ]) {
    // prettier-ignore
    assert.ok(report.includes(part), part);
  }
  assert.ok(!/<script|https?:\/\/|src=/u.test(report.replaceAll(/data:image[^"]*/gu, ""))); // prettier-ignore
});

test("asks nothing twice: the next run adds no line but for what was missing", async () => {
  const before = linesOf("whole");
  const again = await evaluate(options("whole"));
  assert.equal(again.known, 6);
  // The photo that was not there is looked for again, and only it.
  assert.deepEqual(linesOf("whole").slice(0, 8), before);
  assert.deepEqual(linesOf("whole").slice(8).map((line) => (JSON.parse(line) as { image: string }).image), ["absent.jpg"]); // prettier-ignore
});

test("does not mix answers to other questions", async () => {
  const out = options("whole");
  assert.match(await refusal(evaluate({ ...out, options: { beams: 2 } })), /answers of other options: \{"min_score":0\}, and not \{"beams":2\}/u); // prettier-ignore
  assert.match(await refusal(evaluate({ ...out, data: [FIXTURE] })), /answers of other data/u); // prettier-ignore
  assert.match(await refusal(evaluate({ ...out, measures: ["captioning"] })), /answers of other measures/u); // prettier-ignore
});

test("says which line of the predictions cannot be read", async () => {
  cpSync(join(folder, "whole"), join(folder, "spoilt"), { recursive: true });
  const lines = linesOf("spoilt");
  lines[3] = "{nothing";
  writeFileSync(join(folder, "spoilt/predictions.jsonl"), `${lines.join("\n")}\n`); // prettier-ignore
  assert.match(await refusal(evaluate(options("spoilt"))), /predictions\.jsonl, line 4: this is no JSON/u); // prettier-ignore
});

test("a run killed with -9 in the middle goes on, and comes to the same", async () => {
  const argv = ["src/cli/florence.js", "evaluate", "--data", data, "--images", images, "--out", join(folder, "killed"), "--model", bundle, "--workers", "1", "--resamples", "200"]; // prettier-ignore
  const path = join(folder, "killed/predictions.jsonl");
  mkdirSync(join(folder, "killed"));
  const child = spawn(process.execPath, argv, { cwd: ROOT, stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  for await (const event of watch(join(folder, "killed"))) {
    if (event.filename !== "predictions.jsonl") continue;
    // The header and three photos.
    if (readFileSync(path, "utf8").split("\n").length >= 5) break;
  }
  child.kill("SIGKILL");
  await ended;
  // As if it had died within a line.
  await appendFile(path, '{"id":"surfer.jpg","image":"surf');
  const before = readFileSync(path, "utf8").split("\n").slice(0, -1);
  assert.ok(before.length >= 4 && before.length < 8, `${before.length} lines`);

  const { summary, known } = await evaluate(options("killed"));
  const lines = linesOf("killed");
  assert.deepEqual(lines.slice(0, before.length), before);
  assert.equal(lines.length, 8);
  assert.equal(known, before.length - 1);
  const ids = lines.slice(1).map((line) => (JSON.parse(line) as { id: string }).id); // prettier-ignore
  assert.equal(new Set(ids).size, 7);
  const whole = JSON.parse(readFileSync(join(folder, "whole/summary.json"), "utf8")) as typeof summary; // prettier-ignore
  assert.deepEqual(summary.bundle.measures, whole.bundle.measures);
});

test("a run that finds no room keeps what was answered, and goes on once there is some", async () => {
  const before = linesOf("whole").slice(0, 3).join("\n").length;
  const argv = ["src/cli/florence.js", "evaluate", "--data", data, "--images", images, "--out", join(folder, "full"), "--model", bundle, "--workers", "1", "--resamples", "200"]; // prettier-ignore
  // No file may grow beyond the header and two photos. Node ignores SIGXFSZ, so
  // that the write itself fails, as it does on a full disk.
  const limit = `ulimit -f ${Math.ceil(before / 1024)}; exec "$0" "$@"`;
  const full = spawnSync("bash", ["-c", limit, process.execPath, ...argv], { cwd: ROOT, encoding: "utf8" }); // prettier-ignore
  assert.equal(full.status, 3, full.stderr);
  assert.match(full.stderr, /What was written before is whole\. Make room/u);
  const fitted = linesOf("full");
  assert.ok(fitted.length >= 2 && fitted.length < 8, `${fitted.length} lines`);
  const { known } = await evaluate(options("full"));
  assert.equal(known, fitted.length - 1);
  assert.deepEqual(linesOf("full").slice(0, fitted.length), fitted);
  assert.equal(linesOf("full").length, 8);
});

test("an interrupted run keeps what was answered", async () => {
  const controller = new AbortController();
  const run = evaluate(
    options("stopped", {
      workers: 1,
      signal: controller.signal,
      onProgress: (done) => {
        if (done === 2) controller.abort();
      },
    }),
  );
  assert.match(await refusal(run), /aborted/u);
  assert.equal(linesOf("stopped").length, 3);
  assert.equal((await evaluate(options("stopped"))).known, 2);
});

test("two bundles stand side by side on the photos both answered", async () => {
  const { summary } = await evaluate(
    options("compared", {
      compare: bundle,
      measures: ["captioning", "detecting"],
      data: [FIXTURE],
    }),
  );
  assert.equal(summary.compared?.photos, 5);
  for (const { figures } of summary.compared.measures) {
    for (const { difference, low, high } of figures) {
      // A model is not better than itself.
      assert.ok([difference, low, high].every((value) => value === 0 || value === null)); // prettier-ignore
    }
  }
  const report = readFileSync(join(folder, "compared/report.html"), "utf8");
  assert.match(report, /Side by side/u);
  assert.match(report, /A is florence-box \(int8, [0-9a-f]{8}\), B is/u);
});

test("says what is wrong with a command before it asks", async () => {
  assert.match(await refusal(evaluate(options("none", { measures: ["beauty"] }))), /There is no measure beauty\. There are captioning/u); // prettier-ignore
  const only = join(folder, "only.jsonl");
  writeFileSync(only, '{"image":"bear.jpg","lines":[]}\n');
  assert.match(await refusal(evaluate(options("none", { data: [only] }))), /Nothing can be measured\. Reading, as one text: florence-box was not trained for ocr/u); // prettier-ignore
  writeFileSync(only, '{"image":"bear.jpg"}\n');
  assert.match(await refusal(evaluate(options("none", { data: [only] }))), /The data says nothing a measure could be taken by/u); // prettier-ignore
  assert.match(await refusal(evaluate(options("elsewhere", { images: folder }))), /None of the 7 photos in .* could be answered/u); // prettier-ignore
  writeFileSync(only, '{"image":"bear.jpg","width":5,"height":5,"captions":["a bear"]}\n'); // prettier-ignore
  assert.match(await refusal(evaluate(options("size", { data: [only] }))), /The photo is 469 by 512, but its truth is for 5 by 5/u); // prettier-ignore
  writeFileSync(only, '{"image":"../package.json","captions":["a bear"]}\n');
  assert.match(await refusal(evaluate(options("out", { data: [only] }))), /not below the folder of photos/u); // prettier-ignore
});
