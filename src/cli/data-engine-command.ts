// `florence data-engine`: makes training data of a folder of photos.

import type { Command } from "./command.ts";
import {
  checkFlags,
  DATA_ENGINE_ACTIONS,
  DATA_ENGINE_FLAGS,
  type DataEngineAction,
} from "./data-engine-flags.ts";
import type { CliIo } from "./io.ts";
import { parseFlags } from "./parse-flags.ts";
import { usageError } from "./usage-error.ts";

/** What each action's argument is. */
const ARGUMENTS = {
  annotate: "the folder of photos",
  filter: "the JSONL file that annotate wrote",
  sheet: "the JSONL file that filter or refine wrote",
  refine: "the JSONL file that filter wrote",
  compose: "the JSONL file that filter or refine wrote",
  "render-text": "a file of texts, one a line",
  schema: "the schema: record, labels, options or round",
} as const satisfies Record<DataEngineAction, string>;

/** The data engine. */
export const dataEngineCommand: Command = {
  name: "data-engine",
  summary: "Label photos: annotate, filter, refine, compose",
  usage: "ACTION ARGUMENT [flags]",
  description: [
    "Makes training data of any folder of photos in the three phases of Florence-2's own data engine. annotate: specialists, bundles and people say what is in each photo. filter: what is doubtful is taken out, each removal with its reason; sheet draws it on a page for a person to look at. refine: a model is trained, looks again, and what it and the specialists agree on is kept, round by round.",
    "compose and render-text make pictures whose boxes, outlines, phrases and letters are known exactly.",
    `Actions: ${DATA_ENGINE_ACTIONS.map((action) => `${action} (${ARGUMENTS[action]})`).join(", ")}.`,
    "Every action may be stopped or killed at any time: named again with the same --out, it goes on from there.",
  ],
  flags: DATA_ENGINE_FLAGS,
  examples: [
    {
      command:
        "florence data-engine annotate photos --out said.jsonl --specialist detector=yolox_nano.onnx --specialist tags --specialist florence --specialist linker",
      comment: "have specialists say what is in each photo",
    },
    {
      command: "florence data-engine filter said.jsonl --out kept.jsonl",
      comment: "take out what is doubtful, and print a table of what and why",
    },
    {
      command:
        "florence data-engine sheet kept.jsonl --photos photos --out sheet.html",
      comment: "look at it",
    },
    {
      command:
        'florence data-engine refine kept.jsonl --photos photos --out rounds --train "sh train.sh" --rounds 2',
      comment: "train, look again, keep what is confirmed, twice",
    },
    {
      command:
        "florence data-engine compose kept.jsonl --photos photos --backgrounds rooms --out composites --count 1000",
      comment: "paste things that were cut out on backgrounds",
    },
  ],
  run: runDataEngine,
};

async function runDataEngine(
  argv: readonly string[],
  io: CliIo,
): Promise<number> {
  const { values, positionals } = parseFlags(
    "data-engine",
    DATA_ENGINE_FLAGS,
    argv,
  );
  const [word, argument, ...rest] = positionals;
  const action = DATA_ENGINE_ACTIONS.find((one) => one === word);
  if (action === undefined) {
    const what =
      word === undefined
        ? "Say what to do"
        : `"${word}" is none of its actions`;
    throw usageError(
      `${what}: ${DATA_ENGINE_ACTIONS.join(", ")}.`,
      "data-engine",
    );
  }
  checkFlags(action, values);
  if (argument === undefined || rest.length > 0) {
    throw usageError(
      `data-engine ${action} takes one argument, ${ARGUMENTS[action]}.`,
      "data-engine",
    );
  }
  // Its language model takes a moment to load: other commands do without.
  const { ACTIONS } = await import("./data-engine-actions.ts");
  return await ACTIONS[action](argument, values, io);
}
