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

export const inspectCommand: Command = {
  name: "inspect",
  summary: "Make a model bundle of a Hugging Face checkpoint",
  usage: "DIR --out BUNDLE [flags]",
  description: [""],
  flags: FLAGS,
  examples: [],
  run: runInspect,
};

async function runInspect(argv: readonly string[], io: CliIo): Promise<number> {
  parseFlags("inspect", FLAGS, argv);
  void io;
  await Promise.resolve();
  throw usageError("not yet");
  return exitCode("ok");
}
