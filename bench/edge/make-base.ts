// A bundle of Florence-2-base's size for the kernels, with random weights: for
// the benchmarks of Workers.
//
// Command:  node bench/edge/make-base.ts OUT [--bits 7,decoder=4,embedding=4]
//           [--checkpoint DIR]
// Expected: two minutes; 210 MB on disk. The checkpoint is written to a
//           temporary folder unless there is one.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parseEdgeChoices } from "../../src/convert/edge/edge-choices.ts";
import { convertCheckpoint } from "../../src/convert/index.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../../test/golden/random-checkpoint.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    bits: { type: "string", default: "7,decoder=4,embedding=4" },
    checkpoint: { type: "string" },
  },
});
const [out] = positionals;
if (out === undefined) throw new Error("Name the folder to write.");
const scratch = mkdtempSync(join(tmpdir(), "florence-base-"));
try {
  const checkpoint = flags.checkpoint ?? join(scratch, "checkpoint");
  if (!existsSync(join(checkpoint, "config.json"))) {
    writeRandomCheckpoint(checkpoint, loadRecipe("base"));
  }
  const edge = parseEdgeChoices(flags.bits);
  const { bytes } = await convertCheckpoint(checkpoint, {
    ...{ out, precision: "edge", edge, id: "random-base" },
  });
  console.log(`${out}: ${(bytes / 1e6).toFixed(1)} MB, bits ${flags.bits}`);
} finally {
  rmSync(scratch, { recursive: true });
}
