// Tiles of a large image give what is in it: everything once and whole,
// wherever the seams fall. Long: every task that is tiled, over one made-up world.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { analyze } from "../../../src/shared/analyze/analyze.ts";
import { planTiles } from "../../../src/shared/analyze/plan-tiles.ts";
import type { Box } from "../../../src/shared/geometry.ts";
import {
  EnvelopeSchema,
  parseAnalyzeRequest,
  type Envelope,
} from "../../../src/shared/schema/analysis.ts";
import { createFakeModel, type Script } from "../../fakes/fake-model.ts";
import { seededRandom } from "../parse/random-answers.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";
import { blank, FAKE_PLATFORM, inputOf } from "./inputs.ts";
import {
  mapImage,
  partOf,
  sayLines,
  sayThings,
  type TextLine,
  type Thing,
} from "./tiled-world.ts";

const OVERLAPS = [0, 0.05, 0.15, 0.3, 0.5];

interface TiledRun {
  readonly script: Script;
  readonly tasks: readonly object[];
  readonly size: readonly [number, number];
  readonly options?: object;
  readonly tiling?: object;
}

async function runTiled(
  { script, tasks, size, options, tiling }: TiledRun,
  more: Parameters<typeof inputOf>[1] = {},
  events: Parameters<typeof analyze>[3] = {},
): Promise<Envelope> {
  const loaded = createFakeModel(tokenizer, script);
  const request = parseAnalyzeRequest({
    tasks,
    options: { ...options, tiling: { mode: "auto", ...tiling } },
  });
  const input = inputOf(request, { pixels: mapImage(...size), ...more });
  const envelope = await analyze(loaded, input, FAKE_PLATFORM, events);
  assert.deepEqual(v.parse(EnvelopeSchema, envelope), envelope);
  return envelope;
}

/** Boxes that keep their distance: what touches cannot be told apart. */
function randomThings(
  random: () => number,
  [width, height]: readonly [number, number],
): Thing[] {
  const things: Thing[] = [];
  for (let attempt = 0; attempt < 60; attempt += 1) {
    const side = (limit: number): number =>
      6 + Math.floor(random() ** 3 * 0.7 * limit);
    const [wide, high] = [side(width), side(height)];
    const x_min = Math.floor(random() * (width - wide));
    const y_min = Math.floor(random() * (height - high));
    const box = { x_min, y_min, x_max: x_min + wide, y_max: y_min + high };
    if (things.some((thing) => isNear(thing.box, box, 14))) continue;
    const label = ["car", "bus", "dog"][Math.floor(random() * 3)]!;
    things.push({ label, box });
  }
  return things;
}

function isNear(a: Box, b: Box, distance: number): boolean {
  return (
    a.x_min - distance < b.x_max &&
    b.x_min - distance < a.x_max &&
    a.y_min - distance < b.y_max &&
    b.y_min - distance < a.y_max
  );
}

/** Each thing has one object and each object one thing. */
function assertThings(
  found: readonly { readonly label: string; readonly box: Box }[],
  things: readonly Thing[],
  tolerance: number,
): void {
  const left = [...found];
  for (const thing of things) {
    const at = left.findIndex(
      ({ label, box }) =>
        label === thing.label && isClose(box, thing.box, tolerance),
    );
    assert.ok(at >= 0, `nothing for ${JSON.stringify(thing)}`);
    left.splice(at, 1);
  }
  assert.deepEqual(left, [], "found what is not there");
}

function isClose(a: Box, b: Box, tolerance: number): boolean {
  return (["x_min", "y_min", "x_max", "y_max"] as const).every(
    (edge) => Math.abs(a[edge] - b[edge]) <= tolerance,
  );
}

function objectsOf(envelope: Envelope) {
  const [result] = envelope.results;
  assert.ok(result?.task === "detect" && "objects" in result);
  return result.objects;
}

for (const overlap of OVERLAPS) {
  test(`finds every thing once and whole with an overlap of ${overlap}`, async () => {
    const random = seededRandom(5);
    for (let round = 0; round < 24; round += 1) {
      const size = [
        300 + Math.floor(random() * 500),
        300 + Math.floor(random() * 500),
      ] as const;
      const things = randomThings(random, size);
      // The whole image may show what is large, or nothing.
      const leastSide = [60, 10_000][round % 2]!;
      const script: Script = (_, image) => {
        const isWhole = image.width === size[0] && image.height === size[1];
        const visible = things.filter(
          ({ box }) => !isWhole || box.x_max - box.x_min >= leastSide,
        );
        return sayThings(visible, partOf(image), tokenizer);
      };
      const envelope = await runTiled({
        script,
        tasks: [{ task: "detect" }],
        size,
        tiling: { overlap, max_tiles: [4, 9, 16][round % 3]! },
      });
      // A bin of the largest view, and a half.
      assertThings(objectsOf(envelope), things, (1.5 * 800) / 1000);
      assert.deepEqual(
        objectsOf(envelope).map(({ id }) => id),
        things.map((_, index) => `o${index}`),
      );
    }
  });

  test(`reads every line once and whole with an overlap of ${overlap}`, async () => {
    const random = seededRandom(6);
    for (let round = 0; round < 12; round += 1) {
      const size = [600 + Math.floor(random() * 400), 700] as const;
      const lines = randomLines(random, size);
      const script: Script = (_, image) =>
        sayLines(lines, partOf(image), tokenizer);
      const envelope = await runTiled({
        script,
        tasks: [
          { task: "ocr", layout: "lines" },
          { task: "ocr", layout: "text" },
        ],
        size,
        tiling: { overlap, max_tiles: [4, 9, 16][round % 3]! },
      });
      const [read, text] = envelope.results;
      assert.ok(read?.task === "ocr" && "lines" in read);
      // Where tiles share nothing, a blank at the seam is guessed by its width.
      const known = (written: string): string =>
        overlap === 0 ? written.replaceAll(" ", "") : written;
      const wanted = lines.map((line) => known(line.text));
      assert.deepEqual(
        read.lines.map((line) => known(line.text)),
        wanted,
      );
      assert.ok(text?.task === "ocr" && "text" in text);
      assert.equal(known(text.text), wanted.join("\n"));
      for (const [index, { quad }] of read.lines.entries()) {
        const { x, letter, text: written } = lines[index]!;
        // A letter counts if half of it is seen.
        const most = letter / 2 + 2;
        const end = x + letter * written.length;
        assert.ok(Math.abs(quad[0][0] - x) <= most);
        assert.ok(Math.abs(quad[1][0] - end) <= most);
      }
      assert.equal(envelope.usage.vision_passes, envelope.usage.tiles);
    }
  });
}

/** Lines of words, one below the other. */
function randomLines(
  random: () => number,
  [width, height]: readonly [number, number],
): TextLine[] {
  const lines: TextLine[] = [];
  const below = (limit: number): number => Math.floor(random() * limit);
  for (let y = 3 + below(20); y < height - 40; y += 30 + below(40)) {
    const letter = 6 + below(6);
    const room = Math.floor((width - 30) / letter);
    let text = "";
    while (text.length < room * (0.2 + 0.8 * random())) {
      const word = Array.from({ length: 1 + below(8) }, () =>
        "etaoinshrdlu".charAt(below(12)),
      ).join("");
      text = `${text} ${word}`.trim();
    }
    // Of three equal letters at a seam nobody could say how many are one.
    text = text
      .slice(0, room)
      .replaceAll(/(.)\1+/gu, "$1$1")
      .trim();
    const x = below(width - text.length * letter);
    lines.push({ text, x, y, letter, height: 15 + below(10) });
  }
  return lines;
}

test("cuts as few tiles as show the image unshrunk, or the best that may be", () => {
  const plan = { maxTiles: 9, overlap: 0.15, inputSize: 768 };
  const count = (width: number, height: number): number =>
    planTiles({ width, height }, plan).length;
  assert.equal(count(700, 700), 1);
  assert.equal(count(768, 768), 1);
  assert.equal(count(1000, 700), 2);
  assert.equal(count(1400, 1400), 4);
  assert.equal(count(4000, 4000), 9);
  // A receipt: tiles stand above one another.
  const receipt = planTiles({ width: 600, height: 3000 }, plan);
  assert.ok(receipt.every(({ x_min, x_max }) => x_max - x_min === 600));
  for (const [index, tile] of receipt.entries()) {
    if (index > 0) assert.ok(tile.y_min < receipt[index - 1]!.y_max);
  }
  assert.equal(receipt[0]!.y_min, 0);
  assert.equal(receipt.at(-1)!.y_max, 3000);
});

test("leaves a small image whole", async () => {
  const script: Script = () => "car<loc_1><loc_2><loc_3><loc_4>";
  const tasks = [{ task: "detect" }];
  const envelope = await runTiled({ script, tasks, size: [64, 50] });
  assert.equal(envelope.usage.tiles, 1);
  assert.equal(envelope.usage.vision_passes, 1);
  assert.ok(!("tile" in objectsOf(envelope)[0]!));
});

test("asks of the whole image what only it can answer", async () => {
  const looked: string[] = [];
  const script: Script = (prompt, image) => {
    looked.push(`${prompt.slice(0, 6)} ${image.width}`);
    return prompt.startsWith("What") ? "a street" : "";
  };
  const size = [120, 64] as const;
  const tasks = [{ task: "caption" }, { task: "detect" }];
  const envelope = await runTiled({ script, tasks, size });
  assert.deepEqual(looked.filter((one) => one.startsWith("What")), [
    "What d 120",
  ]); // prettier-ignore
  assert.deepEqual(looked.filter((one) => one.startsWith("Locate")), [
    "Locate 120",
    "Locate 65",
    "Locate 65",
  ]); // prettier-ignore
  assert.equal(envelope.usage.tiles, 2);
  assert.equal(envelope.usage.vision_passes, 3);
});

test("says in which tile a thing was found, and what was dropped there", async () => {
  const thing = { label: "car", box: { x_min: 90, y_min: 10, x_max: 110, y_max: 30 } }; // prettier-ignore
  const script: Script = (_, image) =>
    image.width === 120
      ? []
      : [
          ...sayThings([thing], partOf(image), tokenizer),
          ...tokenizer.encodePlain("left over"),
        ];
  const tasks = [{ task: "detect" }];
  const envelope = await runTiled({ script, tasks, size: [120, 64] });
  const [object] = objectsOf(envelope);
  assert.equal(object!.tile, 1);
  const [result] = envelope.results;
  assert.ok(result !== undefined && "dropped" in result);
  assert.deepEqual(
    result.dropped.map(({ tile }) => tile),
    [0, 1],
  );
});

test("keeps apart what one view tells apart", async () => {
  // Two cars, one half behind the other, where both tiles show them.
  const things = [50, 54].map((x_min) => ({
    label: "car",
    box: { x_min, y_min: 10, x_max: x_min + 14, y_max: 30 },
  }));
  const script: Script = (_, image) =>
    image.width === 120 ? [] : sayThings(things, partOf(image), tokenizer);
  const envelope = await runTiled({
    script,
    tasks: [{ task: "detect" }],
    size: [120, 64],
    tiling: { overlap: 0.5 },
  });
  assertThings(objectsOf(envelope), things, 0.2);
});

test("takes a piece inside a thing of its name for a part of it", async () => {
  const bus = { label: "bus", box: { x_min: 10, y_min: 5, x_max: 110, y_max: 60 } }; // prettier-ignore
  const script: Script = (_, image) => {
    const part = partOf(image);
    if (image.width === 120) return sayThings([bus], part, tokenizer);
    // Of the bus at its edge the first tile shows a wheel only.
    const wheel = { label: "bus", box: { x_min: 40, y_min: 45, x_max: part.x_max, y_max: 58 } }; // prettier-ignore
    return part.x_min === 0 ? sayThings([wheel], part, tokenizer) : [];
  };
  const tasks = [{ task: "detect" }];
  const envelope = await runTiled({ script, tasks, size: [120, 64] });
  assertThings(objectsOf(envelope), [bus], 0.2);
});

test("finds labels and phrases of all tiles", async () => {
  const things = [
    { label: "car", box: { x_min: 10, y_min: 10, x_max: 30, y_max: 30 } },
    { label: "bus", box: { x_min: 90, y_min: 10, x_max: 110, y_max: 30 } },
  ];
  const script: Script = (_, image) =>
    image.width === 120 ? [] : sayThings(things, partOf(image), tokenizer);
  const envelope = await runTiled({
    script,
    tasks: [
      { task: "detect_open", labels: ["car", "bus", "dog"] },
      { task: "ground", phrase: "a car and a bus" },
      { task: "propose" },
      { task: "dense_caption" },
    ],
    size: [120, 64],
  });
  const [open, ground, propose, dense] = envelope.results;
  assert.ok(open?.task === "detect_open" && "labels" in open);
  assert.deepEqual(
    open.labels.map(({ label, found }) => [label, found]),
    [
      ["car", true],
      ["bus", true],
      ["dog", false],
    ],
  );
  assert.ok(ground?.task === "ground" && "unmatched" in ground);
  assert.deepEqual(
    ground.objects.map(({ phrase, span }) => [phrase, span]),
    [
      ["car", [2, 5]],
      ["bus", [12, 15]],
    ],
  );
  assert.deepEqual(ground.unmatched, []);
  assert.ok(propose !== undefined && "objects" in propose);
  assert.equal(propose.objects.length, 2);
  assert.ok(dense !== undefined && "objects" in dense);
  assert.equal(dense.objects.length, 2);
});

test("joins outlines that a seam cuts, without counting the overlap twice", async () => {
  // A rectangle of 60 by 20 over both tiles, as an outline in each.
  const box = { x_min: 30, y_min: 10, x_max: 90, y_max: 30 };
  const script: Script = (_, image) => {
    if (image.width === 120) return [];
    const part = partOf(image);
    const [width, height] = [image.width, image.height];
    const bin = (value: number, side: number): number =>
      tokenizer.special.firstLocation +
      Math.max(0, Math.min(999, Math.floor((value * 1000) / side)));
    const left = bin(Math.max(0, box.x_min - part.x_min), width);
    const right = bin(Math.min(width, box.x_max - part.x_min), width);
    const [top, bottom] = [bin(box.y_min, height), bin(box.y_max, height)];
    const { polyOpen, polyClose } = tokenizer.special;
    return [
      ...tokenizer.encodePlain("car"),
      ...[polyOpen, left, top, right, top, right, bottom, left, bottom],
      polyClose,
    ];
  };
  const tasks = [{ task: "detect_open", labels: ["car"] }];
  const envelope = await runTiled({ script, tasks, size: [120, 64] });
  const [result] = envelope.results;
  assert.ok(result?.task === "detect_open" && "objects" in result);
  assert.equal(result.objects.length, 1);
  const [car] = result.objects;
  assert.ok(isClose(car!.box, box, 0.2), JSON.stringify(car!.box));
  assert.ok(Math.abs(car!.area! - 60 * 20) < 20, String(car!.area));
  assert.equal(car!.polygons!.length, 2);
});

test("keeps the tiles that were finished when the time is up, and says so", async () => {
  const controller = new AbortController();
  const thing = { label: "car", box: { x_min: 5, y_min: 5, x_max: 20, y_max: 20 } }; // prettier-ignore
  let looks = 0;
  const script: Script = (_, image) => {
    looks += 1;
    if (looks === 3) controller.abort();
    return sayThings([thing], partOf(image), tokenizer);
  };
  const warnings: string[] = [];
  const envelope = await runTiled(
    { script, tasks: [{ task: "detect" }], size: [200, 200] },
    { signal: controller.signal },
    { warning: (message) => warnings.push(message) },
  );
  assert.equal(envelope.status, "partial");
  assertThings(objectsOf(envelope), [thing], 0.5);
  assert.match(envelope.warnings[0]!, /t0 \(detect\) covers 2 of 10 views/u);
  assert.deepEqual(warnings, envelope.warnings);
  assert.ok(envelope.usage.vision_passes <= 3);
});

test("is deadline_exceeded if no tile was finished in time", async () => {
  const controller = new AbortController();
  const script: Script = () => {
    controller.abort();
    return "";
  };
  const running = runTiled(
    { script, tasks: [{ task: "detect" }], size: [200, 200] },
    { signal: controller.signal },
  );
  await assert.rejects(running, { code: "deadline_exceeded" });
});

test("sees as many tiles in one pass as the backend likes", async () => {
  const loaded = createFakeModel(tokenizer, () => "");
  const passes: number[] = [];
  const model = {
    ...loaded.model,
    capabilities: { ...loaded.model.capabilities, maxImages: 4 },
    encode: (...args: Parameters<typeof loaded.model.encode>) => {
      passes.push(args[0].length);
      return loaded.model.encode(...args);
    },
  };
  const options = { tiling: { mode: "auto" } };
  const request = parseAnalyzeRequest({ tasks: [{ task: "detect" }], options });
  const input = inputOf(request, { pixels: blank(200, 200) });
  const { usage } = await analyze({ ...loaded, model }, input, FAKE_PLATFORM);
  assert.deepEqual(passes, [1, 4, 4, 1]);
  assert.equal(usage.vision_passes, 10);
});

test("refuses tiling with raw answers, and without the image", async () => {
  const script: Script = () => "";
  const tasks = [{ task: "detect" }];
  const size = [200, 200] as const;
  await assert.rejects(
    runTiled({ script, tasks, size, options: { include_raw: true } }),
    { code: "invalid_request", message: /every tile has an answer/u },
  );
  const features = { data: new Float32Array(4), tokens: 1, width: 4, hintIds: [], inputSize: 64 }; // prettier-ignore
  const image = { width: 200, height: 200, media_type: "image/png", sha256: "", orientation_applied: false }; // prettier-ignore
  const seen = { features, image, modelRevision: "" };
  await assert.rejects(
    runTiled({ script, tasks, size }, { image: null, bytes: null, seen }),
    { code: "invalid_request", message: /Send the image/u },
  );
});

test("reads a text from the whole image if the model reads no lines", async () => {
  const loaded = createFakeModel(tokenizer, () => "Town Hall");
  const manifest = { ...loaded.manifest, tasks: ["ocr"] };
  const options = { tiling: { mode: "auto" } };
  const request = parseAnalyzeRequest({ tasks: [{ task: "ocr" }], options });
  const input = inputOf(request, { pixels: blank(200, 200) });
  const envelope = await analyze({ ...loaded, manifest }, input, FAKE_PLATFORM);
  const [result] = envelope.results;
  assert.ok(result !== undefined && "text" in result);
  assert.equal(result.text, "Town Hall");
  assert.match(envelope.warnings[0]!, /from the whole image.*ocr:lines/u);
  assert.equal(envelope.usage.vision_passes, 1);
});
