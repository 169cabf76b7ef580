import assert from "node:assert/strict";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { compose } from "../../../src/data-engine/compose/compose.ts";
import {
  colorNameOf,
  colorOf,
} from "../../../src/data-engine/compose/color-name.ts";
import type { CutOut } from "../../../src/data-engine/compose/cut-out.ts";
import { renderText } from "../../../src/data-engine/compose/render-text.ts";
import { createRandom } from "../../../src/data-engine/compose/random.ts";
import {
  homographyOf,
  mapPoint,
  type Quad,
} from "../../../src/data-engine/compose/perspective.ts";
import { describeScene } from "../../../src/data-engine/compose/scene-grammar.ts";
import {
  composeScene,
  type SceneObject,
} from "../../../src/data-engine/compose/scene.ts";
import { readRecords } from "../../../src/data-engine/records/read-records.ts";
import { isSeen } from "../../../src/data-engine/records/record.ts";
import { HUMAN, boxOf, object, record, type Corners } from "../make-records.ts";
import { temporaryFolder } from "../temporary-folder.ts";

const SIZE = { width: 120, height: 90 };

/** A square of one color, all of it the thing. */
function square(name: string, rgb: readonly [number, number, number]): CutOut {
  const side = 40;
  const data = Uint8Array.from(
    { length: side * side * 3 },
    (_, at) => rgb[at % 3]!,
  );
  const mask = new Float32Array(side * side).fill(1);
  return {
    name,
    color: colorNameOf(rgb),
    image: { width: side, height: side, data },
    mask: { width: side, height: side, data: mask },
  };
}

const GROUND = {
  width: 200,
  height: 200,
  data: new Uint8Array(200 * 200 * 3).fill(128),
};

test("pastes things whose boxes are those of their visible pixels, exactly", () => {
  for (let stream = 0; stream < 20; stream += 1) {
    const things = [square("cup", [255, 0, 0]), square("cup", [0, 0, 255])];
    const random = createRandom(1, stream);
    const { image, objects } = composeScene(GROUND, things, SIZE, random);
    for (const { box, color } of objects) {
      const channel = color === "red" ? 0 : 2;
      let [left, top, right, bottom] = [Infinity, Infinity, -1, -1];
      for (let at = 0; at < SIZE.width * SIZE.height; at += 1) {
        if (image.data[at * 3 + channel]! < 250 || image.data[at * 3 + 1]! > 5)
          continue;
        left = Math.min(left, at % SIZE.width);
        right = Math.max(right, (at % SIZE.width) + 1);
        top = Math.min(top, Math.floor(at / SIZE.width));
        bottom = Math.max(bottom, Math.floor(at / SIZE.width) + 1);
      }
      assert.deepEqual(
        box,
        boxOf([left, top, right, bottom]),
        `scene ${stream}`,
      );
    }
  }
});

const at = (
  name: string,
  color: SceneObject["color"],
  corners: Corners,
): SceneObject => ({ name, color, box: boxOf(corners), polygons: [] });

test("says only what is true of a scene, each phrase with its things", () => {
  const objects = [
    at("cup", "red", [0, 0, 20, 20]),
    at("dog", null, [90, 0, 110, 20]),
    at("cup", "blue", [0, 60, 20, 80]),
  ];
  const { texts, descriptions } = describeScene(objects, SIZE);
  assert.deepEqual(descriptions, ["red cup", "dog", "blue cup"]);
  assert.deepEqual(
    texts.map(({ text }) => text),
    [
      "Two cups and a dog.",
      "The red cup is to the left of the dog. The dog is to the right of the blue cup.",
      "Three things are here. The red cup is in the upper left. The dog is in the upper right, to the right of the red cup. The blue cup is in the lower left, to the left of the dog.",
    ],
  );
  const [brief] = texts;
  assert.deepEqual(
    brief!.phrases.map(({ span, things }) => [
      brief!.text.slice(...span),
      things,
    ]),
    [
      ["Two cups", [0, 2]],
      ["a dog", [1]],
    ],
  );
});

test("tells things of one kind and color apart by their place", () => {
  const objects = [
    at("cup", "red", [50, 0, 70, 20]),
    at("cup", "red", [0, 0, 20, 20]),
    at("cup", "red", [90, 0, 110, 20]),
  ];
  const { descriptions } = describeScene(objects, SIZE);
  assert.deepEqual(descriptions, [
    "second cup from the left",
    "leftmost cup",
    "rightmost cup",
  ]);
});

test("names colors", () => {
  const names = (
    [
      [250, 20, 20],
      [20, 20, 20],
      [240, 240, 240],
      [30, 140, 50],
      [40, 60, 220],
      [250, 230, 40],
      [120, 70, 30],
      [255, 140, 0],
      [255, 170, 190],
      [128, 128, 128],
    ] as const
  ).map(colorNameOf);
  assert.deepEqual(names, [
    "red",
    "black",
    "white",
    "green",
    "blue",
    "yellow",
    "brown",
    "orange",
    "pink",
    "gray",
  ]);
  assert.equal(
    colorOf([
      [250, 0, 0],
      [0, 0, 250],
    ]),
    null,
  );
});

test("maps corners where they should go, and back", () => {
  const from: Quad = [
    [0, 0],
    [100, 0],
    [100, 80],
    [0, 80],
  ];
  const to: Quad = [
    [3, 5],
    [90, 2],
    [97, 70],
    [8, 78],
  ];
  const forth = homographyOf(from, to);
  const back = homographyOf(to, from);
  for (const [index, corner] of from.entries()) {
    const [x, y] = mapPoint(forth, corner);
    assert.ok(Math.hypot(x - to[index]![0], y - to[index]![1]) < 1e-9);
  }
  const [x, y] = mapPoint(back, mapPoint(forth, [33, 44]));
  assert.ok(Math.hypot(x - 33, y - 44) < 1e-9);
});

test("draws the same numbers from the same seed, others from another", () => {
  const draw = (seed: number, stream: number): number[] => {
    const random = createRandom(seed, stream);
    return Array.from({ length: 5 }, () => random.between(0, 1));
  };
  assert.deepEqual(draw(1, 2), draw(1, 2));
  assert.notDeepEqual(draw(1, 2), draw(1, 3));
  assert.notDeepEqual(draw(1, 2), draw(2, 2));
  const random = createRandom(5, 5);
  const values = Array.from({ length: 4000 }, () => random.normal());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(Math.abs(mean) < 0.06, String(mean));
});

async function composeSome(t: TestContext, count: number) {
  const folder = await temporaryFolder(t);
  const photos = join(folder, "photos");
  await cp("examples/photos/surfer.jpg", join(photos, "surfer.jpg"));
  const surfer = object(HUMAN, "surfboard", [40, 20, 140, 90], null);
  const ring: [number, number][] = [
    [40, 20],
    [140, 30],
    [90, 90],
  ];
  const cut = { ...surfer, region: { ...surfer.region, polygons: [ring] } };
  const records = join(folder, "kept.jsonl");
  await writeFile(records, `${JSON.stringify(record("surfer.jpg", [cut]))}\n`);
  const options = {
    ...{ records, photos, backgrounds: photos, count },
    out: join(folder, "out"),
    seed: 7,
    workers: 1,
    signal: new AbortController().signal,
  };
  assert.equal(await compose(options), count);
  return options;
}

test("makes composites that come again with their seed, and goes on after a stop", async (t) => {
  const options = await composeSome(t, 2);
  const path = join(options.out, "records.jsonl");
  const whole = await readFile(path, "utf8");
  const pictures = await Promise.all(
    [0, 1].map((n) => readFile(join(options.out, `composite-00000${n}.webp`))),
  );
  // Stopped in the middle of the second line.
  await writeFile(path, whole.slice(0, whole.indexOf("\n") + 50));
  await rm(join(options.out, "composite-000001.webp"));
  assert.equal(await compose(options), 1);
  assert.equal(await readFile(path, "utf8"), whole);
  const again = await readFile(join(options.out, "composite-000001.webp"));
  assert.deepEqual(again, pictures[1]);
  for (const one of (await readRecords(path)).filter(isSeen)) {
    assert.ok(one.annotations.some(({ kind }) => kind === "triplet"));
    assert.equal(one.annotations[0]!.source.kind, "composite");
  }
  await assert.rejects(compose({ ...options, seed: 8 }), /another seed/u);
});

test("says what is missing where there is no outline to cut along", async (t) => {
  const folder = await temporaryFolder(t);
  const records = join(folder, "kept.jsonl");
  const flat = object(HUMAN, "dog", [10, 10, 90, 90], null);
  await writeFile(records, `${JSON.stringify(record("a.webp", [flat]))}\n`);
  const call = {
    ...{ records, photos: folder, backgrounds: folder, out: folder },
    ...{ count: 1, seed: 0, workers: 1 },
    signal: new AbortController().signal,
  };
  await assert.rejects(compose(call), /Annotate with a matte/u);
});

test("refuses texts that Roboto cannot write, with the line", async (t) => {
  const folder = await temporaryFolder(t);
  const texts = join(folder, "texts.txt");
  await writeFile(texts, "EXIT\n出口\n");
  const call = {
    ...{ texts, fonts: [], out: join(folder, "out") },
    ...{ count: 1, seed: 0, workers: 1 },
    signal: new AbortController().signal,
  };
  await assert.rejects(renderText(call), /texts\.txt, line 2: Roboto/u);
});
