// What comes out: items, what they are paired with, and pictures, which are opened
// and compared with the photo. Runs in both of n8n's binary modes.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { decodeImage } from "../../src/shared/image/decode-image.ts";
import type { RgbImage } from "../../src/shared/image/rgb-image.ts";
import { readPhoto, type Bench, type CaseGroup } from "./bench.ts";
import type { KeptFile, KeptItem } from "./executions.ts";
import type { Flow } from "./flows.ts";
import type { Item } from "./operation-cases.ts";

const PHOTO = "bear.jpg";
const DETECT = { resource: "object", operation: "detect" };
const PICTURES = { annotated: true, crops: true };
const TWICE = "return [$input.first(), $input.first()];";

const FLOWS: readonly Flow[] = [
  {
    id: "pictures",
    credential: "box",
    parameters: { ...DETECT, ...PICTURES },
  },
  {
    id: "cutout",
    credential: "box",
    parameters: {
      ...DETECT,
      crops: true,
      output: "object",
      options: { keepInput: false },
    },
  },
  {
    id: "raw",
    credential: "box",
    parameters: { ...DETECT, ...PICTURES, simplify: false },
  },
  {
    id: "combined",
    credential: "box",
    before: { ...DETECT, ...PICTURES },
    parameters: { ...DETECT, binaryPropertyName: "_files.annotated" },
    binaryMode: "combined",
  },
  {
    id: "perobject",
    credential: "scripted",
    code: TWICE,
    parameters: { ...DETECT, output: "object" },
  },
  {
    id: "perline",
    credential: "scripted",
    code: TWICE,
    parameters: {
      resource: "text",
      operation: "readWithRegions",
      output: "object",
    },
  },
  {
    id: "persegment",
    credential: "scripted",
    code: TWICE,
    before: DETECT,
    parameters: {
      resource: "segment",
      operation: "byRegion",
      output: "object",
    },
  },
  {
    id: "manytasks",
    credential: "box",
    parameters: {
      resource: "image",
      operation: "runMany",
      tasks: {
        task: [
          { task: "caption" },
          { task: "detect" },
          { task: "detect_open", labels: "bear" },
          { task: "propose" },
        ],
      },
      simplify: false,
      options: { cache: "off" },
    },
  },
];

export const OUTPUTS: CaseGroup = {
  flows: FLOWS,
  async check(bench) {
    const { ask, binaryMode, latest } = bench;
    const test = (name: string, body: () => unknown): Promise<void> =>
      bench.test(`${name} (binary mode ${binaryMode})`, body);
    await test("output: annotated picture and crops, opened", () =>
      checkPictures(bench));
    await test("output: a crop alone, without the input's file", async () => {
      await ask("cutout", PHOTO);
      const [item] = (await latest("cutout")).items["Florence"] ?? [];
      assert.deepEqual(Object.keys(item?.binary ?? {}), ["crop"]);
      const { crop } = item?.binary ?? {};
      assert.match(crop?.fileName ?? "", /-1-bear\.png$/u);
      await checkCrop(bench, crop, item?.json["box"] as Box);
    });
    await test("output: raw answer, its pictures as files", async () => {
      const [item] = await ask("raw", PHOTO);
      assert.equal(item?.["object"], "analysis");
      assert.match(JSON.stringify(item), /"binary":"crop_0"/u);
      assert.doesNotMatch(JSON.stringify(item), /base64/u);
    });
    await test("output: files among the JSON of an item", () =>
      checkCombined(bench));
    for (const [id, field, wanted] of EACH) {
      await test(`output: ${id}, paired with its image`, async () => {
        await ask(id, "street.jpg");
        const kept = (await latest(id)).items["Florence"] ?? [];
        assert.deepEqual(
          kept.map(({ json, pairedItem }) => [json[field], pairedItem?.item]),
          [
            [wanted[0], 0],
            [wanted[1], 0],
            [wanted[0], 1],
            [wanted[1], 1],
          ],
        );
      });
    }
    await test("output: many tasks of one vision pass", async () => {
      const [item] = await ask("manytasks", PHOTO);
      assert.deepEqual(
        (item?.["results"] as Item[]).map(({ task }) => task),
        ["caption", "detect", "detect_open", "propose"],
      );
      assert.equal((item?.["usage"] as Item)["vision_passes"], 1);
    });
  },
};

/** Workflow, and a field of its two items for each image. */
const EACH = [
  ["perobject", "label", ["van", "sign"]],
  ["perline", "text", ["TOWN HALL", "9:00 AM"]],
  ["persegment", "region", ["o0", "o1"]],
] as const;

/** A smaller photo is enlarged to it, so that labels can be read. */
const MIN_LONG_SIDE = 800;

/** A difference of a channel, of 255, that no enlargement or codec makes. */
const DRAWN = 64;

interface Box {
  readonly x_min: number;
  readonly y_min: number;
  readonly x_max: number;
  readonly y_max: number;
}

const codecs = await loadImageCodecs();

async function checkPictures(bench: Bench): Promise<void> {
  await bench.ask("pictures", PHOTO);
  const [item] = (await bench.latest("pictures")).items["Florence"] ?? [];
  const { annotated, crop_0: crop, data } = item?.binary ?? {};
  const source = await decode(readPhoto(PHOTO));
  assert.ok((await bench.file(data)).equals(readPhoto(PHOTO)), "input is kept");
  const drawn = await open(bench, annotated, "annotated");
  const enlarged = enlarge(source, MIN_LONG_SIDE);
  assert.deepEqual(sizeOf(drawn), sizeOf(enlarged));
  const changed = shareOfChanged(drawn, enlarged);
  assert.ok(changed > 0.005 && changed < 0.3, `${changed} of it is drawn on`);
  await checkCrop(bench, crop, firstBox(item));
}

/** Files that n8n keeps in its database stay beside the JSON even so. */
async function checkCombined(bench: Bench): Promise<void> {
  const [answer] = await bench.ask("combined", PHOTO);
  const { height, width } = answer?.["image"] as Item;
  assert.equal(Math.max(Number(height), Number(width)), MIN_LONG_SIDE);
  const [item] = (await bench.latest("combined")).items["Florence"] ?? [];
  const files = (item?.json["_files"] ?? item?.binary) as KeptItem["binary"];
  assert.deepEqual(
    Object.keys(files ?? {}).filter((key) => !key.startsWith("crop_")),
    ["data", "annotated"],
  );
  assert.ok((await bench.file(files?.["data"])).equals(readPhoto(PHOTO)));
}

function firstBox(item: KeptItem | undefined): Box {
  return (item?.json["objects"] as Item[])[0]?.["box"] as Box;
}

/** A crop is what the box holds, to a pixel at its sides. */
async function checkCrop(
  bench: Bench,
  file: KeptFile | undefined,
  box: Box,
): Promise<void> {
  const crop = await open(bench, file, "crop");
  const source = await decode(readPhoto(PHOTO));
  assert.ok(Math.abs(crop.width - (box.x_max - box.x_min)) <= 2);
  assert.ok(Math.abs(crop.height - (box.y_max - box.y_min)) <= 2);
  const cut = cutOut(source, box, crop);
  const changed = shareOfChanged(crop, cut);
  assert.ok(changed < 0.01, `${changed} of the crop is not of the photo`);
  assert.ok(crop.width * crop.height < source.width * source.height);
}

/** The part of the photo at a box, as large as `size`. */
function cutOut(source: RgbImage, box: Box, size: RgbImage): RgbImage {
  const [left, top] = [Math.floor(box.x_min), Math.floor(box.y_min)];
  const data = new Uint8Array(size.width * size.height * 3);
  for (let y = 0; y < size.height; y += 1) {
    const from = ((top + y) * source.width + left) * 3;
    data.set(
      source.data.subarray(from, from + size.width * 3),
      y * size.width * 3,
    );
  }
  return { width: size.width, height: size.height, data };
}

function sizeOf({ width, height }: RgbImage): readonly number[] {
  return [width, height];
}

/** The photo with its long side brought to so many pixels, by the nearest. */
function enlarge(source: RgbImage, longSide: number): RgbImage {
  const scale = longSide / Math.max(source.width, source.height);
  const width = Math.round(source.width * scale);
  const height = Math.round(source.height * scale);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const row = Math.floor((y + 0.5) / scale);
      const from = (row * source.width + Math.floor((x + 0.5) / scale)) * 3;
      data.set(source.data.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return { width, height, data };
}

/** How many of the pixels were drawn on. */
function shareOfChanged(one: RgbImage, other: RgbImage): number {
  const pixels = one.width * one.height;
  let changed = 0;
  for (let at = 0; at < pixels * 3; at += 3) {
    const differs = [0, 1, 2].some(
      (channel) =>
        Math.abs(
          (one.data[at + channel] ?? 0) - (other.data[at + channel] ?? 0),
        ) > DRAWN,
    );
    if (differs) changed += 1;
  }
  return changed / pixels;
}

/** Decodes a PNG that came out; FLORENCE_N8N_PICTURES is a folder to keep it in. */
async function open(
  bench: Bench,
  file: KeptFile | undefined,
  name: string,
): Promise<RgbImage> {
  assert.equal(file?.mimeType, "image/png");
  assert.equal(file.id === undefined, bench.binaryMode === "default");
  const bytes = await bench.file(file);
  const kept = process.env["FLORENCE_N8N_PICTURES"];
  if (kept !== undefined) {
    writeFileSync(join(kept, `${name}-${bench.binaryMode}.png`), bytes);
  }
  return await decode(bytes);
}

async function decode(bytes: Buffer): Promise<RgbImage> {
  return (await decodeImage(new Uint8Array(bytes), codecs)).image;
}
