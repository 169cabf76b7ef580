// PP-OCR: lines of writing with their corners.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import type { Box, ImageSize, Point } from "../../shared/geometry.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import { encodePng } from "../../shared/render/encode-png.ts";
import type { Region, Source } from "../records/record.ts";
import { importOptional, type OptionalPackage } from "./missing-package.ts";
import { numbered, type Draft, type Specialist } from "./specialist.ts";

const PACKAGE: OptionalPackage = {
  name: "@gutenye/ocr-node",
  purpose: "reading text",
  license: "MIT; the PP-OCRv4 models in it Apache-2.0",
  install: "npm install --no-save @gutenye/ocr-node@1.4.8",
};

/** The text detector takes sides that are multiples of this. */
const STEP = 32;

const Corner = v.tuple([v.number(), v.number()]);

/** Lines as the package gives them. */
const ReadLines = v.array(
  v.object({
    text: v.string(),
    /** Mean probability of its letters, 0..1. */
    mean: v.number(),
    /** Corners in pixels, clockwise from its own top left. */
    box: v.optional(v.tuple([Corner, Corner, Corner, Corner])),
  }),
);

type Quad = NonNullable<Region["quad"]>;
type ReadLine = v.InferOutput<typeof ReadLines>[number];

/** The part of the package that is used; its own types do not resolve. */
interface OcrPackage {
  readonly default: {
    create(options: {
      readonly onnxOptions: object;
    }): Promise<{ detect(path: string): Promise<unknown> }>;
  };
}

/**
 * PP-OCRv4, detector and recognizer, by `@gutenye/ocr-node`.
 *
 * @throws FlorenceError `engine_unavailable` with the install line.
 */
export async function createOcr({
  threads,
}: {
  readonly threads: number;
}): Promise<Specialist> {
  const { default: Ocr } = await importOptional(
    PACKAGE,
    () => import("@gutenye/ocr-node") as Promise<OcrPackage>,
  );
  const ocr = await Ocr.create({
    onnxOptions: {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    },
  });
  // The package takes a path, and turns no photo upright: it is given pixels of
  // ours, padded so that it does not resize them either.
  const folder = await mkdtemp(join(tmpdir(), "florence-ocr-"));
  const path = join(folder, "photo.png");
  const source: Source = {
    kind: "specialist",
    id: "ocr",
    revision: "pp-ocr-v4",
  };
  return {
    source,
    listens: false,
    async annotate({ image }) {
      await writeFile(path, encodePng(padImage(image)));
      const lines = v.parse(ReadLines, await ocr.detect(path));
      const drafts = lines.flatMap((line) => draftOf(line, image));
      return { annotations: numbered(source, drafts) };
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}

function draftOf({ text, mean, box }: ReadLine, size: ImageSize): Draft[] {
  if (box === undefined || text.trim() === "") return [];
  const inside = ([x, y]: Point): [number, number] => [
    Math.min(x, size.width),
    Math.min(y, size.height),
  ];
  const quad: Quad = [
    inside(box[0]),
    inside(box[1]),
    inside(box[2]),
    inside(box[3]),
  ];
  return [
    {
      kind: "region_text",
      about: "writing",
      text: text.trim(),
      region: { box: boundsOf(quad), quad },
      score: Math.min(1, Math.max(0, mean)),
    },
  ];
}

function boundsOf(points: readonly Point[]): Box {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return {
    x_min: Math.min(...xs),
    y_min: Math.min(...ys),
    x_max: Math.max(...xs),
    y_max: Math.max(...ys),
  };
}

/** White at the right and below, up to the next multiple of `STEP`. */
function padImage(image: RgbImage): RgbImage {
  const width = Math.ceil(image.width / STEP) * STEP;
  const height = Math.ceil(image.height / STEP) * STEP;
  const data = new Uint8Array(width * height * 3).fill(255);
  for (let row = 0; row < image.height; row += 1) {
    const from = row * image.width * 3;
    data.set(
      image.data.subarray(from, from + image.width * 3),
      row * width * 3,
    );
  }
  return { width, height, data };
}
