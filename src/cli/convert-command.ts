// `florence convert`: a checkpoint becomes a bundle.

import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { parseFlags } from "./parse-flags.ts";
import { usageError } from "./usage-error.ts";

const FLAGS = {
  out: {
    type: "string",
    short: "o",
    value: "BUNDLE",
    summary: "Folder to write; made if it is not there.",
  },
} as const;

export const convertCommand: Command = {
  name: "convert",
  summary: "Make a model bundle of a Hugging Face checkpoint",
  usage: "DIR --out BUNDLE [flags]",
  description: [""],
  flags: FLAGS,
  examples: [],
  run: runConvert,
};

async function runConvert(argv: readonly string[], io: CliIo): Promise<number> {
  parseFlags("convert", FLAGS, argv);
  void io;
  await Promise.resolve();
  throw usageError("not yet");
  return exitCode("ok");
}
