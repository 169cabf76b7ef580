import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Manifest } from "../../src/shared/model/manifest.ts";
import type { Envelope } from "../../src/shared/schema/analysis.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../golden/random-checkpoint.ts";
import { runFlorence } from "./run-florence.ts";

const FLORENCE = fileURLToPath(
  new URL("../../src/cli/florence.js", import.meta.url),
);
const BOAT = fileURLToPath(
  new URL("../golden/photos/boat.png", import.meta.url),
);

const folder = mkdtempSync(join(tmpdir(), "florence-convert-"));
after(() => {
  rmSync(folder, { recursive: true });
});

test("converts a checkpoint that inspect shows and analyze answers with", async () => {
  const checkpoint = join(folder, "checkpoint");
  const bundle = join(folder, "bundle");
  writeRandomCheckpoint(checkpoint, loadRecipe("tiny-native"));
  const converted = await runFlorence([
    "convert",
    checkpoint,
    ...["--out", bundle, "--precision", "int8", "--id", "mine"],
  ]);
  assert.equal(converted.code, 0, converted.stderr);
  assert.match(converted.stdout, /^Wrote .*: int8, \d+ files, [\d.]+ MB\.\n$/u);

  const inspected = await runFlorence(["inspect", bundle]);
  const manifest = JSON.parse(inspected.stdout) as Manifest;
  assert.deepEqual([manifest.id, manifest.precision], ["mine", "int8"]);
  const shown = await runFlorence(["inspect", bundle], { isTTY: true });
  assert.match(shown.stdout, /^mine {2}/u);
  for (const { name } of manifest.parts)
    assert.match(shown.stdout, new RegExp(`^ {2}${name} .* MB$`, "mu"));
  for (const line of shown.stdout.split("\n").slice(1))
    assert.ok(line.length <= 80, line);

  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      ...[FLORENCE, "analyze", BOAT, "--model", bundle, "--threads", "1"],
      ...["--max-tokens", "5", "--task", "caption"],
    ],
    { encoding: "utf8" },
  );
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as Envelope).model.id, "mine");

  writeFileSync(join(bundle, manifest.files[0]!.name), "damaged");
  const damaged = await runFlorence(["inspect", bundle]);
  assert.equal(damaged.code, 5);
  assert.ok(damaged.stderr.includes(manifest.files[0]!.name));
});

test("converts for the kernels, each part as asked, and answers on them", async () => {
  const checkpoint = join(folder, "edge-checkpoint");
  const bundle = join(folder, "edge");
  writeRandomCheckpoint(checkpoint, loadRecipe("tiny-native"));
  const converted = await runFlorence([
    "convert",
    checkpoint,
    ...["--out", bundle, "--precision", "edge"],
    ...["--bits", "7,decoder=4,embedding=32", "--group", "16"],
  ]);
  assert.equal(converted.code, 0, converted.stderr);
  assert.match(converted.stdout, /: edge, \d+ files/u);

  const { stdout } = await runFlorence(["inspect", bundle]);
  const { parts, layout } = JSON.parse(stdout) as Manifest;
  assert.equal(layout, "edge");
  const stored = new Map(parts.map((part) => [part.name, part.stored]));
  assert.deepEqual(
    ["davit", "decoder", "embedding"].map((part) => stored.get(part)),
    ["int8", "int4", "f32"],
  );
  const shown = await runFlorence(["inspect", bundle], { isTTY: true });
  assert.match(shown.stdout, /layout edge/u);
  assert.match(shown.stdout, /^ {2}decoder .* MB +int4$/mu);

  const answered = spawnSync(
    process.execPath,
    [
      ...[FLORENCE, "analyze", BOAT, "--model", bundle],
      ...["--max-tokens", "5", "--task", "caption"],
    ],
    { encoding: "utf8" },
  );
  assert.equal(answered.status, 0, answered.stderr);

  const refused = await runFlorence([
    ...["convert", checkpoint, "--out", bundle, "--precision", "edge"],
    ...["--exact", "2"],
  ]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /Leave --exact out/u);
});

const USAGE: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /Name one checkpoint folder/u],
  [["a", "b"], /Name one checkpoint folder/u],
  [["a"], /--out/u],
  [
    ["a", "--out", "b", "--precision", "int4"],
    /one of fp32, fp16, int8.*Did you mean int8/u,
  ],
  [["a", "--out", "b", "--bits", "7"], /need --precision edge/u],
  [["a", "--out", "b", "--calibrate", "c"], /needs --precision edge/u],
  [["a", "--out", "b", "--calibrated", "vision"], /needs --calibrate/u],
  [
    ["a", "--out", "b", "--precision", "edge", "--bits", "6"],
    /Use 32, 7 or 4/u,
  ],
  [
    ["a", "--out", "b", "--precision", "edge", "--group", "12"],
    /multiple of 8/u,
  ],
  [["a", "--out", "b", "--exact", "2"], /need --precision edge/u],
  [
    ["a", "--out", "b", "--precision", "edge", "--exact", "much"],
    /use megabytes/u,
  ],
  [
    ["a", "--out", "b", "--layout", "onnx"],
    /one of florence, transformers-js/u,
  ],
];

for (const [args, message] of USAGE) {
  test(`refuses florence convert ${args.join(" ")}`, async () => {
    const { code, stderr } = await runFlorence(["convert", ...args]);
    assert.equal(code, 2);
    assert.match(stderr, message);
  });
}

test("says what a folder lacks to be a checkpoint, and writes nothing", async () => {
  const out = join(folder, "none");
  const { code, stderr } = await runFlorence([
    "convert",
    join(folder, "missing"),
    ...["--out", out],
  ]);
  assert.equal(code, 5);
  assert.match(stderr, /missing/u);
  assert.equal(existsSync(out), false);
});

test("says what a folder lacks to be a bundle", async () => {
  const { code, stderr } = await runFlorence(["inspect", folder]);
  assert.equal(code, 5);
  assert.match(stderr, /manifest\.json/u);
});
