import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "fast-png";
import { NODE_RASTERIZER, rasterizeSvg } from "../../src/node/rasterize.ts";
import { annotatePhoto } from "../../src/shared/render/annotate-photo.ts";
import { renderSvg } from "../../src/shared/render/svg.ts";

const SVG = (body: string) =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50">${body}</svg>`;

/** How many pixels of an SVG are not transparent, at 200 by 100. */
async function inked(body: string): Promise<number> {
  const { data } = await NODE_RASTERIZER.rasterize(SVG(body), 200);
  return data.filter((value, index) => index % 4 === 3 && value > 0).length;
}

const word = (text: string) =>
  `<text x="5" y="30" font-size="20" font-family="Roboto, Arial">${text}</text>`;

test("draws an SVG as PNG of the width asked for", async () => {
  const png = await rasterizeSvg(SVG(`<rect width="50" height="50"/>`), 200);
  const { width, height, data, channels } = decode(png);
  assert.deepEqual([width, height, channels], [200, 100, 4]);
  assert.deepEqual([...data.slice(0, 4)], [0, 0, 0, 255]);
  assert.equal(data[(200 - 1) * 4 + 3], 0);
});

test("has letters for Latin, Greek and Cyrillic", async () => {
  for (const text of ["Van", "Ωψ", "Жук", "ñß"])
    assert.ok((await inked(word(text))) > 100, text);
});

test("draws the same empty box for every character its font lacks", async () => {
  const [first, second] = [await inked(word("東")), await inked(word("한"))];
  assert.ok(first > 0);
  assert.equal(first, second);
});

test("draws a photo embedded as a data URI", async () => {
  const png = await rasterizeSvg(
    SVG(`<rect width="100" height="50" fill="red"/>`),
    100,
  );
  const svg = renderSvg(
    [],
    { width: 100, height: 50 },
    {
      background: { mediaType: "image/png", bytes: png },
    },
  );
  const { data } = await NODE_RASTERIZER.rasterize(svg, 10);
  assert.deepEqual([...data.slice(0, 4)], [255, 0, 0, 255]);
});

test("refuses what is no SVG", async () => {
  await assert.rejects(rasterizeSvg("<svg", 10));
});

test("lays the overlay over the photo, and enlarges a small one", async () => {
  const size = { width: 60, height: 50 };
  const photo = { ...size, data: new Uint8Array(60 * 50 * 3).fill(200) };
  const box = { x_min: 6, y_min: 20, x_max: 54, y_max: 45 };
  const overlay = renderSvg(
    [
      {
        task: "detect",
        objects: [{ id: "o0", label: "van", score: 0.5, box }],
      },
    ],
    size,
  );
  const { width, height, data, channels } = decode(
    await annotatePhoto(photo, overlay, NODE_RASTERIZER),
  );
  assert.deepEqual([width, height, channels], [800, 667, 3]);
  const at = (x: number, y: number) => {
    const start = (y * width + x) * 3;
    return [...data.slice(start, start + 3)];
  };
  assert.deepEqual(at(5, 5), [200, 200, 200], "outside: the photo");
  assert.deepEqual(at(400, 450), [200, 200, 200], "inside: the photo");
  assert.notDeepEqual(at(80, 450), [200, 200, 200], "on the outline");
  assert.ok(
    photo.data.every((value) => value === 200),
    "photo is left alone",
  );
});

test("brings an enormous photo down to 4,096 pixels", async () => {
  const size = { width: 8000, height: 50 };
  const photo = { ...size, data: new Uint8Array(8000 * 50 * 3) };
  const { width, height } = decode(
    await annotatePhoto(photo, renderSvg([], size), NODE_RASTERIZER),
  );
  assert.deepEqual([width, height], [4096, 26]);
});
