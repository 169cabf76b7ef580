// Pictures, crops and tiles: the same on every host.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { decode, encode } from "fast-png";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";
import { NODE_RASTERIZER } from "../../../src/node/rasterize.ts";
import { cropImage } from "../../../src/shared/image/crop-image.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import { resizeBicubic } from "../../../src/shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import { annotatePhoto } from "../../../src/shared/render/annotate-photo.ts";
import { renderSvg } from "../../../src/shared/render/svg.ts";
import type { Envelope } from "../../../src/shared/schema/analysis.ts";
import type { Problem } from "../../../src/shared/schema/problem.ts";
import type { HttpCase, HttpTarget } from "./http-case.ts";

const STREET = new Uint8Array(
  readFileSync(new URL("../../../examples/photos/street.jpg", import.meta.url)),
);
const { image: STREET_PIXELS } = await decodeImage(
  STREET,
  await loadImageCodecs(),
);

export const CASES: readonly HttpCase[] = [
  {
    name: "draws an overlay as SVG without the photo",
    async run(target) {
      const { rendering } = await analyze(target, STREET, {
        tasks: [{ task: "detect" }],
        options: { render: { format: "svg" } },
      });
      assert.equal(rendering?.media_type, "image/svg+xml");
      const svg = Buffer.from(rendering.base64, "base64").toString();
      assert.match(svg, /^<svg /u);
      assert.match(svg, /car/u);
      assert.ok(!svg.includes("<image"));
    },
  },
  {
    name: "draws the same PNG everywhere, letter for letter",
    async run(target) {
      const { results, rendering } = await analyze(target, STREET, {
        tasks: [{ task: "detect" }],
        options: { render: { format: "png" } },
      });
      assert.equal(rendering?.media_type, "image/png");
      const overlay = renderSvg(results, STREET_PIXELS);
      const wanted = await annotatePhoto(
        STREET_PIXELS,
        overlay,
        NODE_RASTERIZER,
      );
      assert.deepEqual(readPng(rendering.base64), pixelsOf(decode(wanted)));
    },
  },
  {
    name: "keeps a picture within the side it states",
    async run(target) {
      const flat = { width: 2400, height: 1200 };
      const data = new Uint8Array(flat.width * flat.height * 3).fill(90);
      const { rendering } = await analyze(target, pngOf({ ...flat, data }), {
        tasks: [{ task: "detect" }],
        options: { render: { format: "png" } },
      });
      const { width, height } = readPng(rendering!.base64);
      const side = target.host === "workerd" ? 1600 : 2400;
      assert.deepEqual([width, height], [side, side / 2]);
    },
  },
  {
    name: "cuts each object out of the photo",
    async run(target) {
      const { results } = await analyze(target, STREET, {
        tasks: [{ task: "detect" }, { task: "propose" }],
        // Fewer than are cut out at most.
        options: { render: { crops: "png" }, min_score: 0.3 },
      });
      const objects = results.flatMap((result) =>
        "objects" in result ? result.objects : [],
      );
      assert.ok(objects.length > 1);
      for (const { box, crop } of objects) {
        assert.equal(crop?.media_type, "image/png");
        const pixels = readPng(crop.base64);
        assert.deepEqual(pixels, cropImage(STREET_PIXELS, box));
        assert.deepEqual(
          [crop.width, crop.height],
          [pixels.width, pixels.height],
        );
      }
    },
  },
  {
    name: "draws SVG of features; PNG and crops need the image",
    async run(target) {
      const tasks = [{ task: "detect" }];
      const { image } = await analyze(target, STREET, { tasks });
      const again = (render: object): Promise<Response> =>
        target.fetch("/v1/analyze", {
          method: "POST",
          headers: {
            Authorization: `Bearer ${target.keys.first}`,
            "Content-Type": "application/json",
          },
          body: JSON.stringify({
            image: { feature_id: image.feature_id },
            tasks,
            options: { render },
          }),
        });
      const svg = (await (await again({ format: "svg" })).json()) as Envelope;
      assert.equal(svg.rendering?.media_type, "image/svg+xml");
      assert.equal(svg.usage.vision_passes, 0);
      for (const render of [{ format: "png" }, { crops: "png" }]) {
        const response = await again(render);
        assert.equal(response.status, 422);
        const problem = (await response.json()) as Problem;
        assert.equal(problem.code, "invalid_request");
        assert.match(problem.detail, /Send the image/u);
      }
    },
  },
  {
    name: "finds in tiles what the whole image shows too small",
    async run(target) {
      // The street, small in a large grey field.
      const field = pasted(STREET_PIXELS, 1600, 1200, [620, 500]);
      const request = { tasks: [{ task: "detect" }] };
      const whole = await analyze(target, pngOf(field), request);
      const tiled = await analyze(target, pngOf(field), {
        ...request,
        options: { tiling: { mode: "auto", max_tiles: 9 } },
      });
      assert.equal(whole.usage.tiles, 1);
      assert.ok(tiled.usage.tiles > 1 && tiled.usage.tiles <= 9);
      assert.ok(tiled.usage.vision_passes >= tiled.usage.tiles);
      const [wholeObjects, tiledObjects] = [whole, tiled].map(({ results }) =>
        results.flatMap((result) =>
          "objects" in result ? result.objects : [],
        ),
      );
      assert.ok(tiledObjects!.length > wholeObjects!.length);
      assert.ok(tiledObjects!.some(({ tile }) => tile !== undefined));
      for (const { box } of tiledObjects!) {
        assert.ok(0 <= box.x_min && box.x_max <= field.width);
        assert.ok(0 <= box.y_min && box.y_max <= field.height);
      }
    },
  },
  {
    name: "answers sixteen tasks and thirty-two labels in one call",
    async run(target) {
      const labels = Array.from({ length: 31 }, (_, at) => `thing ${at}`);
      const names = ["caption", "detect", "propose"];
      const tasks = [
        { task: "detect_open", labels: ["car", ...labels] },
        ...Array.from({ length: 15 }, (_, at) => ({ task: names[at % 3]! })),
      ];
      const { status, results, usage } = await analyze(target, STREET, {
        tasks,
      });
      assert.equal(status, "completed", JSON.stringify(results));
      assert.equal(results.length, 16);
      assert.ok(usage.vision_passes <= 1);
      const [open] = results;
      assert.ok(open?.task === "detect_open" && "labels" in open);
      assert.equal(open.labels.length, 32);
    },
  },
  {
    name: "gives a problem to each task the model does not know, the rest an answer",
    async run(target) {
      const { status, results } = await analyze(target, STREET, {
        tasks: [
          { task: "dense_caption" },
          { task: "caption" },
          { task: "dense_caption" },
        ],
      });
      assert.equal(status, "partial");
      assert.deepEqual(
        results.map((result) =>
          result.status === "error" ? result.problem.code : result.status,
        ),
        ["unsupported_task", "ok", "unsupported_task"],
      );
    },
  },
];

async function analyze(
  target: HttpTarget,
  image: Uint8Array<ArrayBuffer>,
  request: object,
): Promise<Envelope> {
  const form = new FormData();
  form.set("image", new Blob([image]), "photo");
  form.set("request", JSON.stringify(request));
  const response = await target.fetch("/v1/analyze", {
    method: "POST",
    headers: { Authorization: `Bearer ${target.keys.first}` },
    body: form,
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Envelope;
}

function pngOf(image: RgbImage): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encode({ ...image, channels: 3 }));
}

function readPng(base64: string): RgbImage {
  return pixelsOf(decode(Buffer.from(base64, "base64")));
}

function pixelsOf({ width, height, data }: ReturnType<typeof decode>) {
  return { width, height, data: Uint8Array.from(data) };
}

/** A grey picture with a small one in it. */
function pasted(
  photo: RgbImage,
  width: number,
  height: number,
  [x, y]: readonly [number, number],
): RgbImage {
  const data = new Uint8Array(width * height * 3).fill(120);
  const small = resizeBicubic(
    photo,
    Math.round(photo.width / 1.5),
    Math.round(photo.height / 1.5),
  );
  const bytes = small.width * 3;
  for (let row = 0; row < small.height; row += 1) {
    const from = small.data.subarray(row * bytes, (row + 1) * bytes);
    data.set(from, ((y + row) * width + x) * 3);
  }
  return { width, height, data };
}
