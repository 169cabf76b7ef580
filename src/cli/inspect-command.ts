// `florence inspect`: what is in a bundle.

import { inspectBundle } from "../convert/index.ts";
import { bundleFolder, verifyBundleFolder } from "../node/bundle-folder.ts";
import { MODEL_IN_THE_BOX } from "../node/model-in-the-box.ts";
import { readManifest } from "../shared/model/open-model.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import { formatBundle } from "./format-bundle.ts";
import type { CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";
import { parseFlags } from "./parse-flags.ts";
import { usageError } from "./usage-error.ts";

const FLAGS = {
  json: { type: "boolean", summary: "Print it as JSON." },
} as const;

/** Shows and checks bundles. */
export const inspectCommand: Command = {
  name: "inspect",
  summary: "Show what is in a model bundle, and check its files",
  usage: "[BUNDLE] [flags]",
  description: [
    "Prints what a bundle is made of: source, licence, the tasks it was trained for, and parameters, multiply-accumulates and bytes of every part. Checks every file's hash. Without a bundle: the model in the box.",
  ],
  flags: FLAGS,
  examples: [
    { command: "florence inspect", comment: "look into the model in the box" },
    {
      command: "florence inspect base-ft --json",
      comment: "another, for a program",
    },
  ],
  run: runInspect,
};

async function runInspect(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("inspect", FLAGS, argv);
  const [folder = MODEL_IN_THE_BOX, ...rest] = positionals;
  if (rest.length > 0) throw usageError("Name one bundle.", "inspect");
  const description = await inspectBundle(folder);
  await verifyBundleFolder(folder, await readManifest(bundleFolder(folder)));
  const isJson = values.json === true || !io.stdout.isTTY;
  const lines = isJson
    ? [JSON.stringify(description, null, 2)]
    : formatBundle(folder, description, {
        paint: paintFor(io.stdout, io.env),
        width: Math.min(io.stdout.columns, 100),
      });
  io.stdout.write(`${lines.join("\n")}\n`);
  return exitCode("ok");
}
