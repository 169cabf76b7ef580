// How do errors of quantization grow through a model of Florence-2-base's size,
// with random weights?
//
// Command:  node bench/edge/error-growth.ts [--bits 7] [--bits ...] [--size 384]
//           [--checkpoint DIR]
// Expected: a minute for each of the bits; 1 GB on disk, 2.5 GB of memory. The
//           checkpoint is written to a temporary folder unless there is one.
//
// The same picture and the same words in f32 and in fewer bits. Errors are root
// mean squares, as shares of the results: of layers alone, given f32's inputs,
// and of all that came before too.

import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  convertCheckpoint,
  parseEdgeChoices,
} from "../../src/convert/index.ts";
import { layerTable } from "../../src/evaluate/agreement-table.ts";
import type { ReferenceAnswers } from "../../src/evaluate/agreement.ts";
import { measureLayers } from "../../src/evaluate/layer-errors.ts";
import { loadImageCodecs } from "../../src/node/image-codecs.ts";
import { decodeImage } from "../../src/shared/image/decode-image.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../../test/golden/random-checkpoint.ts";
import { printMachine } from "../report.ts";

const PHOTO = new URL("../../examples/photos/street.jpg", import.meta.url);
const TOKENS = 20;
/** Words for a model that has learned none. */
const WORDS: ReferenceAnswers = {
  key: "random",
  answers: [
    {
      request: { task: "caption", detail: "short" },
      // `<CAPTION>`, as the tokenizer has it.
      prompt: [0, 2264, 473, 5, 2274, 6190, 116, 2],
      ids: [0, ...Array.from({ length: TOKENS }, (_, at) => 100 + 371 * at), 2],
      isTold: false,
      hintIds: [],
      isForWords: false,
      boxes: [],
    },
  ],
};

const { values: flags } = parseArgs({
  options: {
    bits: { type: "string", multiple: true, default: ["7,decoder=4,embedding=4"] }, // prettier-ignore
    size: { type: "string", default: "384" },
    checkpoint: { type: "string" },
  },
});
const folder = await mkdtemp(join(tmpdir(), "florence-growth-"));
try {
  const checkpoint = flags.checkpoint ?? join(folder, "checkpoint");
  if (!existsSync(join(checkpoint, "config.json"))) {
    writeRandomCheckpoint(checkpoint, loadRecipe("base"));
  }
  const convert = async (bits: string): Promise<string> => {
    const out = join(folder, bits);
    const edge = parseEdgeChoices(bits);
    await convertCheckpoint(checkpoint, { out, precision: "edge", edge });
    return out;
  };
  const exact = await convert("32");
  const codecs = await loadImageCodecs();
  const { image } = await decodeImage(readFileSync(PHOTO), codecs);
  printMachine();
  for (const bits of flags.bits) {
    const other = await convert(bits);
    const size = Number(flags.size);
    const layers = await measureLayers(exact, other, [image], [WORDS], size);
    console.log(`\nbits ${bits}, ${size} px, ${TOKENS} tokens:\n`);
    console.log(layerTable(layers, false));
    await rm(other, { recursive: true });
  }
} finally {
  await rm(folder, { recursive: true });
}
