// `florence evaluate`: how good a model is on photos whose truth is known.

import { availableParallelism } from "node:os";
import { basename } from "node:path";
import {
  evaluate,
  MEASURES,
  readRun,
  type EvaluateOptions,
} from "../evaluate/index.ts";
import { MODEL_IN_THE_BOX } from "../node/model-in-the-box.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import { formatEvaluation } from "./format-evaluation.ts";
import { formatPaper } from "./format-paper.ts";
import type { CliIo } from "./io.ts";
import { parseFlags, type FlagValues } from "./parse-flags.ts";
import { createProgress } from "./progress.ts";
import { usageError } from "./usage-error.ts";
import { makeFolder } from "./write-output.ts";

const NAMES = MEASURES.map(({ name }) => name);

const FLAGS = {
  data: {
    type: "string",
    multiple: true,
    value: "FILE|FOLDER",
    summary:
      "What is true: COCO instances or captions, RefCOCO (made by refcoco_to_json.py) or TextVQA as JSON; folders of Flickr30k Entities, ICDAR or SROIE; lines of the data engine or of our own form (docs/evaluate.md) as .jsonl. Several that speak of the same photos are put together.",
  },
  images: {
    type: "string",
    value: "FOLDER",
    summary: "Where the photos lie.",
  },
  out: {
    type: "string",
    value: "FOLDER",
    summary:
      "Where predictions.jsonl, summary.json and report.html go. The same command goes on where it was stopped.",
  },
  model: {
    type: "string",
    short: "m",
    value: "BUNDLE",
    summary: "Folder of the model. Without it: the model in the box.",
  },
  compare: {
    type: "string",
    value: "BUNDLE",
    summary: "Another model on the same photos, side by side.",
  },
  measure: {
    type: "string",
    multiple: true,
    value: "NAME",
    summary: `Only this: ${NAMES.join(", ")}. Without it: all that the data allows.`,
  },
  beams: {
    type: "string",
    value: "N",
    summary: "Beams of the search, 1 to 8; 1, greedy, if left out.",
  },
  tiling: {
    type: "boolean",
    summary: "Read large photos tile by tile as well.",
  },
  name: {
    type: "string",
    value: "NAME",
    summary:
      "What to call the data in the report; its file's name if left out. With --paper a name such as coco-detection or refcoco-val puts the figures in that row.",
  },
  paper: {
    type: "boolean",
    summary:
      "Print the tables of the Florence-2 paper beside what was measured: by this run, or by the folders that are named.",
  },
  calibrate: {
    type: "boolean",
    summary:
      "Fit a map from scores to the chance of being right, task by task, and write it into the model's manifest.json. Use photos that nothing else is measured on.",
  },
  limit: {
    type: "string",
    value: "N",
    summary: "Only the first N photos of the data.",
  },
  workers: {
    type: "string",
    value: "N",
    summary: "Photos at the same time; all cores if left out.",
  },
  threads: {
    type: "string",
    value: "N",
    summary: "Threads of one photo's model; 1 if left out.",
  },
  resamples: {
    type: "string",
    value: "N",
    summary: "Resamplings of the photos for the intervals; 1000 if left out.",
  },
  seed: {
    type: "string",
    value: "N",
    summary: "Seed of the resamplings; 1 if left out.",
  },
  json: { type: "boolean", summary: "Print the summary as JSON." },
} as const;

/** Measures a model. */
export const evaluateCommand: Command = {
  name: "evaluate",
  summary: "Measure a model on photos whose truth is known",
  usage: "--data FILE --images FOLDER --out FOLDER [flags]",
  description: [
    "Asks a model everything the data can judge, and measures the answers as the official tools of each task do: COCO AP, CIDEr-D, BLEU, ROUGE-L, grounding recall, referring accuracy and IoU, error rates of writing. Each figure comes with its n and a 95 % interval.",
    "Killed or interrupted, the same command goes on from there and asks nothing twice. A photo that does not decode is told of and left out.",
  ],
  flags: FLAGS,
  examples: [
    {
      command:
        "florence evaluate --data instances_val2017.json --data captions_val2017.json --images val2017 --out run",
      comment: "the model in the box on COCO",
    },
    {
      command:
        "florence evaluate --data mine.jsonl --images photos --model base-ft --compare large-ft --out run",
      comment: "two models on your own photos",
    },
    {
      command: "florence evaluate --paper run",
      comment: "the paper's tables beside an earlier run",
    },
  ],
  run: runEvaluate,
};

async function runEvaluate(
  argv: readonly string[],
  io: CliIo,
): Promise<number> {
  const { values, positionals } = parseFlags("evaluate", FLAGS, argv);
  const isRun = values.data !== undefined;
  if (values.paper === true && !isRun) {
    io.stdout.write(
      formatPaper(await Promise.all(positionals.map(readRun)), io),
    );
    return exitCode("ok");
  }
  if (positionals.length > 0) {
    throw usageError(`"${positionals[0]!}" is no flag. Data goes after --data.`, "evaluate"); // prettier-ignore
  }
  const options = optionsOf(values, io);
  await makeFolder(options.out);
  const progress = createProgress(io.stderr, "images");
  try {
    const evaluation = await evaluate({
      ...options,
      onProgress: (done, total, note) => {
        progress.update(done, total, note);
      },
    });
    progress.stop();
    io.stdout.write(
      values.json === true
        ? `${JSON.stringify(evaluation.summary, null, 2)}\n`
        : formatEvaluation(evaluation, io),
    );
    if (values.paper === true) {
      io.stdout.write(`\n${formatPaper([evaluation.summary], io)}`);
    }
    const { skipped } = evaluation.summary.bundle;
    return exitCode(skipped.length > 0 ? "some" : "ok");
  } finally {
    progress.stop();
  }
}

function optionsOf(
  values: FlagValues<typeof FLAGS>,
  { signal }: CliIo,
): Omit<EvaluateOptions, "onProgress"> {
  const { data, images, out } = values;
  if (data === undefined) throw usageError("--data is missing.", "evaluate");
  if (images === undefined) throw usageError("--images is missing.", "evaluate"); // prettier-ignore
  if (out === undefined) throw usageError("--out is missing.", "evaluate");
  const whole = (flag: "beams" | "limit" | "workers" | "threads" | "resamples" | "seed") =>
    wholeNumber(flag, values[flag]); // prettier-ignore
  const beams = whole("beams");
  return {
    ...{ data, images, out, signal },
    name: values.name ?? data.map(plainName).join(", "),
    bundle: values.model ?? MODEL_IN_THE_BOX,
    compare: values.compare,
    measures: values.measure,
    calibrate: values.calibrate,
    options: {
      // Measures weigh scores themselves.
      min_score: 0,
      ...(beams !== undefined && { beams }),
      ...(values.tiling === true && { tiling: { mode: "auto" } }),
    },
    limit: whole("limit"),
    workers: whole("workers") ?? availableParallelism(),
    threads: whole("threads") ?? 1,
    bootstrap: {
      resamples: whole("resamples") ?? 1000,
      seed: whole("seed") ?? 1,
    },
  };
}

/** The name of a file without its ending. */
function plainName(path: string): string {
  return basename(path).replace(/\.\w+$/u, "");
}

function wholeNumber(
  flag: string,
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,8}$/u.test(text)) return Number(text);
  throw usageError(
    `--${flag} wants a whole number above 0; "${text}" is none.`,
    "evaluate",
  );
}
