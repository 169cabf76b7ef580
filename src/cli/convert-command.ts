// `florence convert`: a checkpoint becomes a bundle.

import { convertCheckpoint } from "../convert/index.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { parseFlags } from "./parse-flags.ts";
import { pickValue } from "./pick-value.ts";
import { createProgress } from "./progress.ts";
import { usageError } from "./usage-error.ts";

const PRECISIONS = ["fp32", "fp16", "int8"] as const;
const LAYOUTS = ["florence", "transformers-js"] as const;

const FLAGS = {
  out: {
    type: "string",
    short: "o",
    value: "BUNDLE",
    summary: "Folder to write; a bundle that is there already is replaced.",
  },
  precision: {
    type: "string",
    short: "p",
    value: "PRECISION",
    summary:
      "fp32, the default: the reference's own answers; fp16: half the size; int8: a quarter of it, nearly the same answers.",
  },
  layout: {
    type: "string",
    value: "LAYOUT",
    summary:
      "florence, the default, or transformers-js: the four graphs that library loads.",
  },
  id: {
    type: "string",
    value: "NAME",
    summary: "What answers call the model; the folder's name if left out.",
  },
  license: {
    type: "string",
    value: "NAME",
    summary: "Licence of the weights, where the checkpoint does not say.",
  },
} as const;

/** Converts checkpoints. */
export const convertCommand: Command = {
  name: "convert",
  summary: "Make a model bundle of a Hugging Face checkpoint",
  usage: "DIR --out BUNDLE [flags]",
  description: [
    "Writes the model of a Hugging Face checkpoint as a bundle: a manifest, graphs, weights and the tokenizer. Takes any Florence-2, in transformers' or Microsoft's naming, from safetensors; large ones too, since it reads one tensor at a time.",
  ],
  flags: FLAGS,
  examples: [
    {
      command: "florence convert Florence-2-base-ft --out base-ft",
      comment: "make a bundle of a downloaded checkpoint",
    },
    {
      command:
        "florence convert Florence-2-base-ft --out base-ft-int8 --precision int8",
      comment: "one of a quarter of the size",
    },
    {
      command: "florence analyze photo.jpg --model base-ft",
      comment: "then ask it",
    },
  ],
  run: runConvert,
};

async function runConvert(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("convert", FLAGS, argv);
  const [directory, ...rest] = positionals;
  if (directory === undefined || rest.length > 0)
    throw usageError("Name one checkpoint folder.", "convert");
  if (values.out === undefined)
    throw usageError("Name the folder to write with --out.", "convert");
  const options = {
    out: values.out,
    precision: pickValue("precision", values.precision, PRECISIONS) ?? "fp32",
    layout: pickValue("layout", values.layout, LAYOUTS),
    id: values.id,
    license: values.license,
    signal: io.signal,
  };
  const progress = createProgress(io.stderr, "bytes");
  try {
    const { path, files, bytes, precision } = await convertCheckpoint(
      directory,
      {
        ...options,
        onProgress: ({ doneBytes, totalBytes, item }) => {
          progress.update(doneBytes, totalBytes, item);
        },
      },
    );
    progress.stop();
    io.stdout.write(
      `Wrote ${path}: ${precision}, ${files} files, ${(bytes / 1e6).toFixed(1)} MB.\n`,
    );
    return exitCode("ok");
  } finally {
    progress.stop();
  }
}
