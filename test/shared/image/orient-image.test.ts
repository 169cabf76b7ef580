import assert from "node:assert/strict";
import { test } from "node:test";
import { cropImage } from "../../../src/shared/image/crop-image.ts";
import {
  readExifOrientation,
  type Orientation,
} from "../../../src/shared/image/exif-orientation.ts";
import { orientImage } from "../../../src/shared/image/orient-image.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import { ascii } from "./image-data.ts";

/** Rows of letters as a picture: a pixel's red is the letter's code. */
function drawn(...rows: readonly string[]): RgbImage {
  const letters = rows.join("").split("");
  return {
    width: rows[0]!.length,
    height: rows.length,
    data: Uint8Array.from(letters.flatMap((letter) => [letter.charCodeAt(0), 0, 255])), // prettier-ignore
  };
}

function read(image: RgbImage): readonly string[] {
  return Array.from({ length: image.height }, (_, y) =>
    Array.from({ length: image.width }, (_, x) =>
      String.fromCharCode(image.data[3 * (y * image.width + x)]!),
    ).join(""),
  );
}

test("applies each of the eight orientations", () => {
  const stored = drawn("abc", "def");
  const upright: Readonly<Record<Orientation, readonly string[]>> = {
    1: ["abc", "def"],
    2: ["cba", "fed"],
    3: ["fed", "cba"],
    4: ["def", "abc"],
    5: ["ad", "be", "cf"],
    6: ["da", "eb", "fc"],
    7: ["fc", "eb", "da"],
    8: ["cf", "be", "ad"],
  };
  for (const [name, rows] of Object.entries(upright))
    assert.deepEqual(read(orientImage(stored, Number(name) as Orientation)), rows); // prettier-ignore
});

test("reads the orientation in both byte orders, with or without Exif's prefix", () => {
  const little = ascii("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"); // prettier-ignore
  const big = ascii("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0");
  const long = ascii("II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x03\0\0\0");
  assert.equal(readExifOrientation(little), 6);
  assert.equal(readExifOrientation(big), 8);
  assert.equal(readExifOrientation(long), 3);
  assert.equal(readExifOrientation(new Uint8Array([...ascii("Exif\0\0"), ...little])), 6); // prettier-ignore
});

test("takes an Exif block that says nothing sensible for upright", () => {
  const blocks = [
    "",
    "Exif\0\0",
    "II*\0\xff\xff\xff\xff______",
    "II*\0\x08\0\0\0\xff\xff\x12\x02______________",
    "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0",
    "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0",
    "XX*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0",
  ];
  for (const block of blocks)
    assert.equal(readExifOrientation(ascii(block)), 1);
});

test("crops every pixel a box touches, and none outside the picture", () => {
  const image = drawn("abcd", "efgh", "ijkl");
  const crop = (
    x_min: number,
    y_min: number,
    x_max: number,
    y_max: number,
  ): readonly string[] =>
    // prettier-ignore
    read(cropImage(image, { x_min, y_min, x_max, y_max }));
  assert.deepEqual(crop(1, 1, 3, 3), ["fg", "jk"]);
  assert.deepEqual(crop(0.5, 0.9, 1.1, 1.1), ["ab", "ef"]);
  assert.deepEqual(crop(-5, -5, 99, 99), ["abcd", "efgh", "ijkl"]);
  assert.deepEqual(crop(9, 9, 9, 9), ["l"]);
  assert.deepEqual(crop(2, 1, 2, 1), ["g"]);
});
