// A photo in, a caption and boxes out, in Node, with the model in the box.
//
//     node examples/analyze-in-node/index.ts [PHOTO]
//
// prints
//
//     A man riding a wave on top of a surfboard.
//     person (0.98) at 303, 80, 426, 251
//     surfboard (0.98) at 256, 198, 387, 261
//
// Node 24 runs TypeScript as it is: `npx node` in a clone of the repository.

import process from "node:process";
import {
  analyzeFile,
  MODEL_IN_THE_BOX,
  openBundle,
} from "florence-at-the-edge/node";

const photo = process.argv[2] ?? "examples/photos/surfer.jpg";

const loaded = await openBundle(MODEL_IN_THE_BOX);
try {
  // Both tasks share one look at the photo.
  const { results } = await analyzeFile(loaded, photo, {
    tasks: [{ task: "caption" }, { task: "detect" }],
    options: { beams: 3 },
  });
  for (const result of results) {
    if (result.status === "error") {
      console.log(`${result.task} failed: ${result.problem.detail}`);
    } else if (result.task === "caption") {
      console.log(result.text);
    } else if (result.task === "detect") {
      for (const { label, score, box } of result.objects) {
        const corners = [box.x_min, box.y_min, box.x_max, box.y_max];
        const pixels = corners.map(Math.round).join(", ");
        console.log(`${label} (${score.toFixed(2)}) at ${pixels}`);
      }
    }
  }
} finally {
  await loaded.model.dispose();
}
