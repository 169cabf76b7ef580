// How long does the model in the box take in Node, and how much memory?
//
//   node bench/box-model.ts [--photo examples/photos/street.jpg] [--repeats 9]
//
// Prints the time to open the bundle, then medians of a caption and of caption
// and boxes together, with their parts. Takes about ten seconds.

import { readFile } from "node:fs/promises";
import process from "node:process";
import { parseArgs } from "node:util";
import {
  loadImageCodecs,
  MODEL_IN_THE_BOX,
  NODE_PLATFORM,
  openBundle,
} from "../src/node/index.ts";
import { analyze } from "../src/shared/analyze/analyze.ts";
import { decodeImage } from "../src/shared/image/decode-image.ts";
import { parseAnalyzeRequest } from "../src/shared/schema/analysis.ts";
import { mebibytes, median, milliseconds, printMachine } from "./report.ts";

const { values } = parseArgs({
  options: {
    photo: { type: "string", default: "examples/photos/street.jpg" },
    repeats: { type: "string", default: "9" },
    model: { type: "string", default: MODEL_IN_THE_BOX },
  },
});

printMachine();
const codecs = await loadImageCodecs();
const bytes = await readFile(values.photo);
const before = process.memoryUsage().rss;
const openStart = performance.now();
const loaded = await openBundle(values.model);
console.log(
  `open the bundle: ${milliseconds(performance.now() - openStart)}, ${mebibytes(process.memoryUsage().rss - before)}`,
);

const requests = {
  caption: [{ task: "caption" }],
  "caption, 3 beams": [{ task: "caption" }],
  "caption and detect": [{ task: "caption" }, { task: "detect" }],
};
for (const [name, tasks] of Object.entries(requests)) {
  const options = { beams: name.includes("beams") ? 3 : 1 };
  const parsed = parseAnalyzeRequest({ tasks, options });
  const times: number[] = [];
  let parts = "";
  for (let repeat = 0; repeat <= Number(values.repeats); repeat += 1) {
    const start = performance.now();
    const image = await decodeImage(bytes, codecs);
    const decodeMs = performance.now() - start;
    const { timings_ms: timings } = await analyze(
      loaded,
      { ...parsed, image, bytes, decodeMs },
      { ...NODE_PLATFORM, now: () => performance.now() },
    );
    const ms = performance.now() - start;
    if (repeat === 0) {
      console.log(`${name}, the first: ${milliseconds(ms)}`);
      continue;
    }
    times.push(ms);
    parts = `decode ${timings.decode}, vision ${timings.vision}, text ${timings.text}`;
  }
  console.log(`${name}: ${milliseconds(median(times))} (last: ${parts})`);
}
await loaded.model.dispose();
console.log(
  `peak memory of the process: ${mebibytes(process.resourceUsage().maxRSS * 1024)}`,
);
