// Does it pay to see the images of several callers in one vision pass, and does
// it change what is answered?
//
//   node bench/server/batching.ts [--model BUNDLE] [--device cpu] [--photos 16]
//
// Prints milliseconds an image by size of the batch, the largest difference
// between an image's features in a batch and alone, how many images were given
// other hints, and how many captions and detections differ.

import { readdirSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  chooseDevice,
  DEVICES,
  loadImageCodecs,
  MODEL_IN_THE_BOX,
  NODE_PLATFORM,
  openBundle,
} from "../../src/node/index.ts";
import { analyze } from "../../src/shared/analyze/analyze.ts";
import { decodeImage } from "../../src/shared/image/decode-image.ts";
import type { Features } from "../../src/shared/model/model.ts";
import { parseAnalyzeRequest } from "../../src/shared/schema/analysis.ts";
import { median, printMachine } from "../report.ts";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: MODEL_IN_THE_BOX },
    device: { type: "string", default: "cpu" },
    photos: { type: "string", default: "16" },
  },
});

const BATCHES = [1, 2, 4, 8];
const REPEATS = 3;
const FOLDER = new URL("../../test/data/photos/", import.meta.url);

printMachine();
const wanted = DEVICES.find((one) => one === values.device);
if (wanted === undefined) throw new Error(`no device ${values.device}`);
const device = await chooseDevice(wanted);
const loaded = await openBundle(values.model, { device });
const codecs = await loadImageCodecs();
const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".webp"))
  .slice(0, Number(values.photos))
  .map((name) => new Uint8Array(readFileSync(new URL(name, FOLDER))));
const images = await Promise.all(
  files.map((file) => decodeImage(file, codecs)),
);
console.log(`${loaded.manifest.id}, ${loaded.manifest.precision}, ${device}`);

const alone = await seeAll(1);
const saidAlone = await answerAll(alone);
// Sizes take turns, so that another program's load falls on all of them.
const times = new Map(BATCHES.map((batch) => [batch, new Array<number>()]));
const batched = new Map<number, readonly Features[]>();
for (let repeat = 0; repeat < REPEATS; repeat += 1) {
  for (const batch of BATCHES) {
    const startMs = performance.now();
    batched.set(batch, await seeAll(batch));
    times.get(batch)!.push((performance.now() - startMs) / images.length);
  }
}
for (const [batch, features] of batched) {
  const said = await answerAll(features);
  const others = said.filter((text, index) => text !== saidAlone[index]);
  const hints = features.filter(
    ({ hintIds }, index) => hintIds.join() !== alone[index]!.hintIds.join(),
  );
  console.log(
    `batch ${batch}: ${median(times.get(batch)!).toFixed(1)} ms an image; features differ by ${largestDifference(features).toExponential(1)} at most, hints of ${hints.length} and answers of ${others.length} images of ${images.length}`,
  );
}
await loaded.model.dispose();

async function seeAll(batch: number): Promise<readonly Features[]> {
  const seen: Features[] = [];
  for (let first = 0; first < images.length; first += batch) {
    const some = images.slice(first, first + batch).map(({ image }) => image);
    seen.push(...(await loaded.model.encode(some)));
  }
  return seen;
}

function largestDifference(features: readonly Features[]): number {
  let largest = 0;
  for (const [index, { data }] of features.entries()) {
    const own = alone[index]!.data;
    for (const [at, value] of data.entries()) {
      largest = Math.max(largest, Math.abs(value - own[at]!));
    }
  }
  return largest;
}

/** Caption and objects of each image, without their scores. */
async function answerAll(
  features: readonly Features[],
): Promise<readonly string[]> {
  const request = parseAnalyzeRequest({
    tasks: [{ task: "caption" }, { task: "detect" }],
  });
  const said: string[] = [];
  for (const [index, own] of features.entries()) {
    const { size, mediaType, orientationApplied } = images[index]!;
    const envelope = await analyze(
      loaded,
      {
        ...request,
        image: null,
        bytes: null,
        seen: {
          features: own,
          image: {
            ...size,
            media_type: mediaType,
            sha256: "",
            orientation_applied: orientationApplied,
          },
          modelRevision: loaded.manifest.revision,
        },
      },
      NODE_PLATFORM,
    );
    said.push(
      JSON.stringify(envelope.results, (key, value: unknown) =>
        /score|spread/u.test(key) ? undefined : value,
      ),
    );
  }
  return said;
}
