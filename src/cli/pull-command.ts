// `florence pull`: a checkpoint from the Hub.

import { pullRepository } from "../convert/index.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { parseFlags } from "./parse-flags.ts";
import { pickValue } from "./pick-value.ts";
import { createProgress } from "./progress.ts";
import { usageError } from "./usage-error.ts";

const PRECISIONS = ["fp32", "fp16", "int8"] as const;

const FLAGS = {
  out: {
    type: "string",
    short: "o",
    value: "DIR",
    summary: "Folder to write; the repository's name if left out.",
  },
  precision: {
    type: "string",
    short: "p",
    value: "PRECISION",
    summary:
      "fp32, fp16 or int8, of a repository that has graphs and no safetensors.",
  },
} as const;

/** Downloads checkpoints. */
export const pullCommand: Command = {
  name: "pull",
  summary: "Download a checkpoint from the Hub",
  usage: "OWNER/NAME[@REVISION] [flags]",
  description: [
    "Downloads what convert needs of a Hugging Face repository, or its ONNX graphs for transformers.js where it has no safetensors. What is there already is kept, what was cut short is gone on with, and every file's hash is checked.",
    "HF_ENDPOINT names another server that speaks as the Hub does; HF_TOKEN is sent to that server only.",
  ],
  flags: FLAGS,
  examples: [
    {
      command: "florence pull microsoft/Florence-2-base-ft",
      comment: "download into the folder Florence-2-base-ft",
    },
    {
      command:
        "florence pull microsoft/Florence-2-base-ft@refs/pr/7 --out base",
      comment: "a branch, tag or commit, into a folder of your choice",
    },
    {
      command: "florence convert Florence-2-base-ft --out base-ft",
      comment: "then make it a bundle",
    },
  ],
  run: runPull,
};

async function runPull(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("pull", FLAGS, argv);
  const [name, ...rest] = positionals;
  if (name === undefined || rest.length > 0)
    throw usageError("Name one repository: OWNER/NAME.", "pull");
  const at = name.indexOf("@");
  const repo = at === -1 ? name : name.slice(0, at);
  const revision = at === -1 ? undefined : name.slice(at + 1);
  const progress = createProgress(io.stderr, "bytes");
  try {
    const pulled = await pullRepository({
      repo,
      revision,
      directory: values.out ?? repo.slice(repo.indexOf("/") + 1),
      precision: pickValue("precision", values.precision, PRECISIONS),
      endpoint: givenIn(io.env, "HF_ENDPOINT"),
      token: givenIn(io.env, "HF_TOKEN"),
      signal: io.signal,
      onProgress: ({ doneBytes, totalBytes, item }) => {
        progress.update(doneBytes, totalBytes, item);
      },
    });
    progress.stop();
    const { directory, kind, commit, files, bytes } = pulled;
    io.stdout.write(
      `Pulled ${repo} at ${commit.slice(0, 12)} into ${directory}: ${kind}, ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB.\n`,
    );
    return exitCode("ok");
  } finally {
    progress.stop();
  }
}

/** A variable that is set to something. */
function givenIn(env: CliIo["env"], name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}
