import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { unzipSync } from "fflate";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../golden/random-checkpoint.ts";
import { runFlorence } from "./run-florence.ts";

const pathOf = (path: string): string =>
  fileURLToPath(new URL(`../../${path}`, import.meta.url));
const BOAT = pathOf("test/golden/photos/boat.png");

const folder = mkdtempSync(join(tmpdir(), "florence-features-"));
after(() => {
  rmSync(folder, { recursive: true });
});

const davit = join(folder, "davit");
const box = join(folder, "box");

interface Golden {
  readonly stages: Readonly<
    Record<string, { shape: number[]; std: number; values: number[] }>
  >;
}

/** Arrays of a .npz file of 32-bit floats. */
function readNpz(
  path: string,
): Map<string, { dims: number[]; data: number[] }> {
  const files = unzipSync(new Uint8Array(readFileSync(path)));
  return new Map(
    Object.entries(files).map(([name, bytes]) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const length = 10 + view.getUint16(8, true);
      assert.equal(length % 64, 0);
      const head = new TextDecoder().decode(bytes.subarray(10, length));
      assert.match(head, /^\{'descr': '<f4', 'fortran_order': False, .*\n$/u);
      const [, shape] = /'shape': \(([^)]*)\)/u.exec(head)!;
      const dims = shape!.split(",").filter(Boolean).map(Number);
      const data = Array.from(
        { length: (bytes.length - length) / 4 },
        (_, at) => view.getFloat32(length + at * 4, true),
      );
      return [name.replace(/\.npy$/u, ""), { dims, data }] as const;
    }),
  );
}

test("gives the stages of a DaViT as the reference does", async () => {
  writeRandomCheckpoint(join(folder, "tiny"), loadRecipe("tiny-native"));
  await runFlorence(["convert", join(folder, "tiny"), "--out", davit]);
  const out = join(folder, "boat.npz");
  const ran = await runFlorence([
    ...["features", BOAT, "--model", davit, "--out", out, "--threads", "1"],
  ]);
  assert.equal(ran.code, 0, ran.stderr);
  assert.equal(
    ran.stdout,
    `${out}: stage_1 32x96x96, stage_2 64x48x48, stage_3 96x24x24, stage_4 128x12x12\n`,
  );
  const arrays = readNpz(out);
  const golden = JSON.parse(
    readFileSync(pathOf("test/golden/stages.json"), "utf8"),
  ) as Golden;
  for (const [name, { shape, std, values }] of Object.entries(golden.stages)) {
    const { dims, data } = arrays.get(name)!;
    assert.deepEqual(dims, shape);
    // As for the other golden tensors; see test/golden/README.md.
    for (const [at, value] of values.entries()) {
      const own = data[Math.floor((at * data.length) / values.length)]!;
      assert.ok(Math.abs(own - value) <= 1e-3 * std, `${name} ${at}: ${own}`);
    }
  }
});

test("gives values of towers by name, and lists them", async () => {
  await runFlorence([
    ...["convert", pathOf("models/box/checkpoint"), "--out", box],
  ]);
  const listed = await runFlorence(["features", "--list", "--model", box]);
  assert.match(listed.stdout, /^efficientnet_lite2\.block0_project \*$/mu);
  assert.match(listed.stdout, /^efficientnet_lite2\.block3_expand$/mu);
  const ran = await runFlorence([
    ...["features", BOAT, "--model", box, "--out", folder, "--threads", "1"],
    ...["--layer", "*.features", "--layer", "efficientnet_lite2.pooled"],
  ]);
  assert.equal(ran.code, 0, ran.stderr);
  const arrays = readNpz(join(folder, "boat.npz"));
  const { dims, data } = arrays.get("efficientnet_lite2.features")!;
  assert.deepEqual(dims, [1280, 9, 9]);
  const pooled = arrays.get("efficientnet_lite2.pooled")!;
  assert.deepEqual(pooled.dims, [1280, 1, 1]);
  for (const [channel, value] of pooled.data.entries()) {
    const places = data.slice(channel * 81, (channel + 1) * 81);
    const mean = places.reduce((sum, one) => sum + one, 0) / 81;
    assert.ok(Math.abs(mean - value) < 1e-4, `${channel}: ${mean}, ${value}`);
  }
});

test("ends a stage of the box's towers where the side is halved", async () => {
  const { stdout } = await runFlorence(["features", "--list", "--model", box]);
  const ends = stdout
    .split("\n")
    .filter((line) => /^efficientnet_lite2.* \*$/u.test(line))
    .map((line) => line.replace(/^\w+\.| \*$/gu, ""));
  assert.deepEqual(ends, [
    ...["block0_project", "block3_add", "block6_add", "block14_add"],
    "features",
  ]);
});

test("leaves out an image that does not decode, and says so", async () => {
  const broken = join(folder, "broken.png");
  writeFileSync(broken, "no picture");
  const out = join(folder, "several");
  const { code, stdout, stderr } = await runFlorence([
    ...["features", broken, BOAT, "--model", davit, "--out", out],
    ...["--layer", "stage_4"],
  ]);
  assert.equal(code, 1);
  assert.match(stdout, /^\S+boat\.npz: stage_4 128x12x12\n$/u);
  assert.match(stderr, /^florence: \S+broken\.png: /u);
});

test("refuses a value, a size and a bundle that have no features", async () => {
  const ask = async (...flags: string[]) =>
    await runFlorence(["features", BOAT, "--out", folder, ...flags]);
  const value = await ask("--model", davit, "--layer", "stage_9");
  assert.equal(value.code, 2);
  assert.match(value.stderr, /no value "stage_9".*features --list/u);
  const size = await ask("--model", davit, "--input-size", "333");
  assert.equal(size.code, 2);
  assert.match(size.stderr, /333 is not one vision takes: 384, 512/u);
  const none = await runFlorence(["features", BOAT]);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /--out/u);
});
