import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "fast-png";
import * as v from "valibot";
import { analyze } from "../../../src/shared/analyze/analyze.ts";
import { MAX_CROPS } from "../../../src/shared/analyze/crops.ts";
import { itemListsOf } from "../../../src/shared/analyze/result-items.ts";
import {
  EnvelopeSchema,
  parseAnalyzeRequest,
  type Envelope,
} from "../../../src/shared/schema/analysis.ts";
import { NODE_RASTERIZER } from "../../../src/node/rasterize.ts";
import { createFakeModel, type Script } from "../../fakes/fake-model.ts";
import { byteTokenizer as tokenizer } from "../tokenizer/byte-tokenizer.ts";
import { FAKE_PLATFORM, inputOf } from "./inputs.ts";
import { mapImage, partOf } from "./tiled-world.ts";

const PLATFORM = { ...FAKE_PLATFORM, rasterizer: NODE_RASTERIZER };
const CAR: Script = () => "car<loc_100><loc_200><loc_499><loc_599>";
const IMAGE = { width: 100, height: 50, media_type: "image/png", sha256: "", orientation_applied: false }; // prettier-ignore
const FEATURES = { data: new Float32Array(4), tokens: 1, width: 4, hintIds: [], inputSize: 64 }; // prettier-ignore

async function render(
  request: object,
  script: Script = CAR,
  more: Parameters<typeof inputOf>[1] = { pixels: mapImage(100, 50) },
  platform = PLATFORM,
): Promise<Envelope> {
  const loaded = createFakeModel(tokenizer, script);
  const input = inputOf(parseAnalyzeRequest(request), more);
  const envelope = await analyze(loaded, input, platform);
  assert.deepEqual(v.parse(EnvelopeSchema, envelope), envelope);
  return envelope;
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

test("gives an overlay as SVG, without the photo", async () => {
  const options = { render: { format: "svg" } };
  const { rendering } = await render({ tasks: [{ task: "detect" }], options });
  assert.equal(rendering!.media_type, "image/svg+xml");
  const svg = new TextDecoder().decode(bytesOf(rendering!.base64));
  assert.match(svg, /^<svg .*viewBox="0 0 100 50"/u);
  assert.match(svg, />car/u);
  assert.ok(!svg.includes("<image"));
});

test("gives photo and overlay as PNG", async () => {
  const options = { render: { format: "png" } };
  const { rendering } = await render({ tasks: [{ task: "detect" }], options });
  assert.equal(rendering!.media_type, "image/png");
  const { width, height, channels } = decode(bytesOf(rendering!.base64));
  assert.deepEqual([width, height, channels], [800, 400, 3]);
});

test("draws no larger than the rasterizer may", async () => {
  const options = { render: { format: "png" } };
  const rasterizer = { ...NODE_RASTERIZER, maxSide: 60 };
  const { rendering } = await render(
    { tasks: [{ task: "detect" }], options },
    CAR,
    { pixels: mapImage(100, 50) },
    { ...PLATFORM, rasterizer },
  );
  const { width, height } = decode(bytesOf(rendering!.base64));
  assert.deepEqual([width, height], [60, 30]);
});

test("cuts every object, line and segment out of the photo", async () => {
  const script: Script = (prompt) =>
    prompt.includes("regions")
      ? "Hall<loc_100><loc_200><loc_499><loc_200><loc_499><loc_599><loc_100><loc_599>"
      : prompt.includes("mask")
        ? "<loc_100><loc_200><loc_499><loc_200><loc_300><loc_599>"
        : "car<loc_100><loc_200><loc_499><loc_599>";
  for (const coordinates of ["pixel", "normalized"]) {
    const envelope = await render(
      {
        tasks: [
          { task: "detect" },
          { task: "ocr", layout: "lines" },
          { task: "segment", phrase: "the car" },
        ],
        options: { coordinates, render: { crops: "png" } },
      },
      script,
    );
    const items = envelope.results
      .flatMap((result) =>
        result.status === "error" ? [] : itemListsOf(result),
      )
      .flatMap((list) => list.items);
    assert.equal(items.length, 3);
    for (const { crop } of items) {
      assert.equal(crop!.media_type, "image/png");
      const { width, height, data } = decode(bytesOf(crop!.base64));
      assert.deepEqual([crop!.width, crop!.height], [width, height]);
      const part = partOf({ width, height, data: Uint8Array.from(data) });
      assert.deepEqual(part, { x_min: 10, y_min: 10, x_max: 50, y_max: 30 });
    }
  }
});

test("cuts from a JPEG that was decoded smaller where the boxes point", async () => {
  const pixels = mapImage(100, 50);
  const base = inputOf(parseAnalyzeRequest({ tasks: [{ task: "detect" }] }), { pixels }); // prettier-ignore
  const image = { ...base.image!, size: { width: 800, height: 400 }, scaled: true }; // prettier-ignore
  const options = { render: { crops: "png" } };
  const envelope = await render({ tasks: [{ task: "detect" }], options }, CAR, {
    image,
  });
  const [result] = envelope.results;
  assert.ok(result !== undefined && "objects" in result);
  const [car] = result.objects;
  assert.ok(Math.abs(car!.box.x_max - 399.6) < 1);
  const { width, height, data } = decode(bytesOf(car!.crop!.base64));
  const part = partOf({ width, height, data: Uint8Array.from(data) });
  assert.deepEqual(part, { x_min: 10, y_min: 10, x_max: 50, y_max: 30 });
});

test("makes 64 crops and says that there are more items", async () => {
  const script: Script = () =>
    Array.from({ length: 70 }, (_, at) => `car<loc_${at}><loc_1><loc_${at + 9}><loc_99>`).join(""); // prettier-ignore
  const options = { render: { crops: "png" } };
  const envelope = await render(
    { tasks: [{ task: "detect" }], options },
    script,
  );
  const [result] = envelope.results;
  assert.ok(result !== undefined && "objects" in result);
  assert.equal(result.objects.length, 70);
  const isCropped = result.objects.map(({ crop }) => crop !== undefined);
  assert.deepEqual(
    isCropped,
    isCropped.map((_, at) => at < MAX_CROPS),
  );
  assert.equal(envelope.warnings.length, 1);
  assert.match(envelope.warnings[0]!, /64 crops and 20 MB/u);
});

test("draws SVG from what was seen before; PNG and crops need the image", async () => {
  const seen = { features: FEATURES, image: IMAGE, modelRevision: "" };
  const more = { image: null, bytes: null, seen };
  const tasks = [{ task: "detect" }];
  const svg = { render: { format: "svg" } };
  const envelope = await render({ tasks, options: svg }, CAR, more);
  assert.equal(envelope.rendering!.media_type, "image/svg+xml");
  assert.equal(envelope.usage.vision_passes, 0);
  for (const [wanted, pointer] of [
    [{ format: "png" }, "/options/render/format"],
    [{ crops: "png" }, "/options/render/crops"],
  ] as const) {
    const options = { render: wanted };
    await assert.rejects(
      render({ tasks, options }, CAR, more),
      (error: { code: string; message: string; errors: object[] }) => {
        assert.equal(error.code, "invalid_request");
        assert.match(error.message, /Send the image/u);
        assert.deepEqual(error.errors, [
          { pointer, detail: "needs the image itself" },
        ]);
        return true;
      },
    );
  }
});

test("refuses a PNG where nothing can draw one", async () => {
  const options = { render: { format: "png" } };
  const running = render(
    { tasks: [{ task: "detect" }], options },
    CAR,
    {},
    FAKE_PLATFORM as typeof PLATFORM,
  );
  await assert.rejects(running, { code: "invalid_request", message: /svg/u });
});
