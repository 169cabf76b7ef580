// What does it take to convert and run a checkpoint of true size?
//
//   node bench/true-size.ts [--recipe base] [--precision int8]
//
// Random weights of Florence-2-base (0.23 B) or -large (0.77 B), written,
// converted and asked for a caption; each step in a process of its own, whose
// time and peak memory are printed. Base takes about two minutes and 1.5 GB of
// disk in the system's temporary folder, large six and 5 GB.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { convertCheckpoint } from "../src/convert/index.ts";
import { analyzeFile, openBundle } from "../src/node/index.ts";
import {
  loadRecipe,
  writeRandomCheckpoint,
} from "../test/golden/random-checkpoint.ts";
import { mebibytes, milliseconds, printMachine } from "./report.ts";

const { values } = parseArgs({
  options: {
    recipe: { type: "string", default: "base" },
    precision: { type: "string", default: "int8" },
    step: { type: "string" },
    folder: { type: "string", default: "" },
  },
});

if (values.step === undefined) runAll();
else await runStep(values.step, values.folder);

function runAll(): void {
  printMachine();
  console.log(`random ${values.recipe}, fp16 checkpoint, ${values.precision}`);
  const folder = mkdtempSync(join(tmpdir(), "florence-true-size-"));
  try {
    for (const step of ["write", "convert", "analyze"]) {
      const args = process.argv
        .slice(2)
        .concat("--step", step, "--folder", folder);
      const { status } = spawnSync(
        process.execPath,
        [import.meta.filename, ...args],
        { stdio: "inherit" },
      );
      if (status !== 0) throw new Error(`The step ${step} failed.`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runStep(step: string, folder: string): Promise<void> {
  const checkpoint = join(folder, "checkpoint");
  const bundle = join(folder, "bundle");
  const start = performance.now();
  let note = "";
  if (step === "write") {
    writeRandomCheckpoint(checkpoint, {
      ...loadRecipe(values.recipe),
      dtype: "float16",
    });
  } else if (step === "convert") {
    // Checked by the converter itself, like any other caller's value.
    const precision = values.precision as "int8";
    const { bytes } = await convertCheckpoint(checkpoint, {
      out: bundle,
      precision,
    });
    note = `, ${mebibytes(bytes)} on disk`;
  } else {
    const loaded = await openBundle(bundle);
    const opened = performance.now() - start;
    const { timings_ms: timings } = await analyzeFile(
      loaded,
      join(import.meta.dirname, "../examples/photos/street.jpg"),
      { tasks: [{ task: "caption" }], options: { max_tokens: 30 } },
    );
    await loaded.model.dispose();
    note = `: open ${milliseconds(opened)}, vision ${milliseconds(timings.vision)}, 30 tokens ${milliseconds(timings.text)}`;
  }
  const peak = mebibytes(process.resourceUsage().maxRSS * 1024);
  console.log(
    `${step}: ${milliseconds(performance.now() - start)}, peak ${peak}${note}`,
  );
}
