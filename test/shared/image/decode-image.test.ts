import assert from "node:assert/strict";
import { test } from "node:test";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import { imageJson, picture, pictureNames, sha256 } from "./image-data.ts";

interface Expected {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly orientation: number;
  readonly sha256: string;
}

const codecs = await loadImageCodecs();
const ANY_SIZE = { limits: { minSide: 1 } };
const { files } = imageJson("decode.json") as { files: readonly Expected[] };

test("every picture of the folder has an expectation", () => {
  assert.deepEqual(files.map((entry) => entry.file).sort(), pictureNames());
});

for (const entry of files) {
  test(`decodes ${entry.file} to the pixels Pillow reads`, async () => {
    const bytes = picture(entry.file);
    const decoded = await decodeImage(bytes, codecs, ANY_SIZE);
    const { width, height } = entry;
    assert.deepEqual(decoded.size, { width, height });
    assert.equal(decoded.image.width, width);
    assert.equal(decoded.image.height, height);
    assert.equal(decoded.orientationApplied, entry.orientation !== 1);
    assert.equal(decoded.scaled, false);
    assert.match(entry.file, new RegExp(decoded.mediaType === "image/jpeg" ? "\\.jpg$" : `\\.${decoded.mediaType.slice(6)}$`)); // prettier-ignore
    // The decoders are deterministic, so equality can be asked even of JPEG.
    assert.equal(sha256(decoded.image.data), entry.sha256);
  });
}

test("leaves the bytes it was given as they were", async () => {
  for (const name of ["photo.jpg", "photo.png", "photo.webp"]) {
    const bytes = picture(name);
    await decodeImage(bytes, codecs, ANY_SIZE);
    assert.equal(bytes.length, picture(name).length);
    assert.equal(sha256(bytes), sha256(picture(name)));
  }
});

test("reads a picture that lies inside a larger buffer", async () => {
  for (const name of ["photo.jpg", "photo.png", "photo.webp"]) {
    const bytes = picture(name);
    const larger = new Uint8Array(bytes.length + 20);
    larger.set(bytes, 7);
    const part = larger.subarray(7, 7 + bytes.length);
    const [whole, inside] = await Promise.all([
      decodeImage(bytes, codecs),
      decodeImage(part, codecs),
    ]);
    assert.deepEqual(inside.image, whole.image);
  }
});

test("goes by the content, whatever follows it", async () => {
  const trailing = new Uint8Array([...picture("photo.jpg"), 1, 2, 3]);
  const { mediaType } = await decodeImage(trailing, codecs);
  assert.equal(mediaType, "image/jpeg");
});

test("decodes a large JPEG at some eighths when asked", async () => {
  const jpegScaling = { abovePixels: 10_000, minSide: 50 };
  const bytes = picture("photo.jpg"); // 160 x 120
  const decoded = await decodeImage(bytes, codecs, { jpegScaling });
  assert.equal(decoded.scaled, true);
  assert.deepEqual(decoded.size, { width: 160, height: 120 });
  // 3/8 would make the shorter side 45.
  assert.deepEqual(
    [decoded.image.width, decoded.image.height, decoded.image.data.length],
    [80, 60, 80 * 60 * 3],
  );

  const full = await decodeImage(bytes, codecs, {
    jpegScaling: { abovePixels: 19_200, minSide: 50 },
  });
  assert.equal(full.scaled, false);
});

test("scales before it turns, and states the full upright size", async () => {
  const decoded = await decodeImage(picture("orientation-6.jpg"), codecs, {
    jpegScaling: { abovePixels: 0, minSide: 30 },
  });
  assert.deepEqual(decoded.size, { width: 67, height: 91 });
  assert.deepEqual([decoded.image.width, decoded.image.height], [34, 46]);
  assert.equal(decoded.orientationApplied, true);
});

test("a scaled JPEG looks like the full one made smaller", async () => {
  const bytes = picture("progressive-444.jpg"); // 91 x 67
  const full = await decodeImage(bytes, codecs);
  const half = await decodeImage(bytes, codecs, {
    jpegScaling: { abovePixels: 0, minSide: 34 },
  });
  assert.deepEqual([half.image.width, half.image.height], [46, 34]);
  const mean = (data: Uint8Array): number =>
    data.reduce((sum, value) => sum + value, 0) / data.length;
  // One level: the last column and row weigh a little more in the small one.
  assert.ok(Math.abs(mean(full.image.data) - mean(half.image.data)) < 1);
});

test("decodes several pictures at once", async () => {
  const names = files.map((entry) => entry.file);
  const decoded = await Promise.all(
    names.map((name) => decodeImage(picture(name), codecs, ANY_SIZE)),
  );
  assert.deepEqual(
    decoded.map(({ image }) => sha256(image.data)),
    files.map((entry) => entry.sha256),
  );
});
