// `florence analyze`: images in, answers out.

import { TASKS } from "../shared/tasks/index.ts";
import { loadImageCodecs } from "../node/image-codecs.ts";
import { MODEL_IN_THE_BOX } from "../node/model-in-the-box.ts";
import type { OutputFormat } from "./analysis-writer.ts";
import { ANALYZE_FLAGS } from "./analyze-flags.ts";
import { analyzeImages } from "./analyze-images.ts";
import {
  readAnalyzeRequest,
  wholeNumber,
  type AnalyzeFlagValues,
} from "./analyze-request.ts";
import type { Command, Example } from "./command.ts";
import { listImageInputs } from "./image-inputs.ts";
import type { CliIo } from "./io.ts";
import { parseFlags } from "./parse-flags.ts";
import { taskFlags } from "./task-usage.ts";
import { usageError } from "./usage-error.ts";
import { makeFolder } from "./write-output.ts";

/** Answers tasks about images. */
export const analyzeCommand: Command = {
  name: "analyze",
  summary: "Answer tasks about images: captions, objects, text, regions",
  usage: "FILE|FOLDER|URL|- … [flags]",
  description: [
    "Looks at each image once and answers every task about it. On a terminal it prints a table, elsewhere JSON; a bad image among many is reported and the run goes on.",
  ],
  flags: ANALYZE_FLAGS,
  examples: [
    {
      command: "florence analyze photo.jpg",
      comment: "a caption and the objects in it",
    },
    {
      command: "florence analyze holiday/ --annotate out --jsonl > out.jsonl",
      comment: "a folder, drawn over and as JSON lines",
    },
    ...inputExamples(),
    {
      command: "curl -s https://example.com/a.jpg | florence analyze - --json",
      comment: "from a pipe, as the HTTP API's envelope",
    },
  ],
  run: runAnalyze,
};

/** One example for each kind of input, from the table's first task that has it. */
function inputExamples(): Example[] {
  const seen = new Set<string>();
  return TASKS.flatMap((task) => {
    const kind = task.inputs.join();
    if (kind === "" || seen.has(kind)) return [];
    seen.add(kind);
    return [
      {
        command: `florence analyze photo.jpg ${taskFlags(task)}`,
        comment: lowerFirst(task.summary.replace(/\.$/u, "")),
      },
    ];
  });
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

async function runAnalyze(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("analyze", ANALYZE_FLAGS, argv);
  // Everything that can be wrong with the command, before the model is opened.
  const format = formatOf(values, io);
  const threads =
    values.threads === undefined
      ? {}
      : { threads: wholeNumber("threads", values.threads) };
  const request = await readAnalyzeRequest(values);
  const inputs = await listImageInputs(positionals, io);
  if (values.annotate !== undefined) await makeFolder(values.annotate);

  const codecs = await loadImageCodecs();
  const loaded = await io.openModel(values.model ?? MODEL_IN_THE_BOX, threads);
  try {
    const tools = { loaded, codecs, request, signal: io.signal };
    return await analyzeImages(inputs, tools, {
      io,
      format,
      // A folder gives an array however many images it holds.
      isSingle:
        positionals.length === 1 && positionals[0] === inputs[0]?.source,
      annotateFolder: values.annotate,
    });
  } finally {
    await loaded.model.dispose();
  }
}

function formatOf(values: AnalyzeFlagValues, io: CliIo): OutputFormat {
  if (values.json === true && values.jsonl === true)
    throw usageError("--json and --jsonl exclude each other.", "analyze");
  if (values.jsonl === true) return "jsonl";
  return values.json === true || !io.stdout.isTTY ? "json" : "table";
}
