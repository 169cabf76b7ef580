// npm run floors [BUNDLE]: what the model in the box gets on photos it never
// saw, beside the least it must get. A minute or two on two cores.

import process from "node:process";
import { parseArgs } from "node:util";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { MODEL_IN_THE_BOX } from "../node/model-in-the-box.ts";
import { openBundle } from "../node/open-bundle.ts";
import { answerPhotos, keepsFloor, toFigures, type Figure } from "./floors.ts";
import { readPhotos, readSynonyms } from "./photo-set.ts";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    photos: { type: "string", default: "test/data/photos" },
    synonyms: { type: "string", default: "test/data/synonyms.json" },
    /** Prints what the model said of each photo. */
    answers: { type: "boolean", default: false },
  },
});
const bundle = positionals[0] ?? MODEL_IN_THE_BOX;

const loaded = await openBundle(bundle, { threads: 1 });
try {
  const photos = await readPhotos(values.photos);
  const answers = await answerPhotos(
    loaded,
    await loadImageCodecs(),
    values.photos,
    photos,
    (done) => {
      if (process.stderr.isTTY) {
        process.stderr.write(`\r${String(done)} of ${String(photos.length)}`);
      }
    },
  );
  if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  if (values.answers) {
    for (const { photo, caption, objects } of answers) {
      const labels = objects.map(({ label }) => label).join(", ");
      console.log(`${photo.key}\t${caption}\t${labels}`);
    }
  }
  const figures = toFigures(answers, await readSynonyms(values.synonyms));
  const { id, precision } = loaded.manifest;
  console.log(`${id}, ${precision}, ${bundle}\n${formatFigures(figures)}`);
  if (!figures.every(keepsFloor)) process.exitCode = 1;
} finally {
  await loaded.model.dispose();
}

function formatFigures(figures: readonly Figure[]): string {
  const width = Math.max(...figures.map(({ name }) => name.length));
  const row = (name: string, n: string, value: string, floor: string) =>
    `${name.padEnd(width)}  ${n.padStart(4)}  ${value.padStart(6)}  ${floor}`;
  return [
    row("", "n", "value", "floor"),
    ...figures.map((figure) => {
      const { name, photos, value, bound, floor } = figure;
      const missed = keepsFloor(figure) ? "" : "  MISSED";
      return row(
        name,
        String(photos),
        value.toFixed(3),
        `${bound} ${floor.toFixed(2)}${missed}`,
      );
    }),
  ].join("\n");
}
