// Flags of `florence data-engine`, and which of its actions take which.

import { usageError } from "./usage-error.ts";
import type { FlagValues } from "./parse-flags.ts";

export const DATA_ENGINE_FLAGS = {
  out: {
    type: "string",
    short: "o",
    value: "PATH",
    summary:
      "What is written: a JSONL file (annotate, filter), a page (sheet), a folder (refine, compose, render-text). Named again, the run goes on where it was.",
  },
  specialist: {
    type: "string",
    short: "s",
    value: "KIND[=PATH]",
    multiple: true,
    summary:
      "annotate: who looks at the photos, in this order: detector=YOLOX.onnx, ocr, matte[=ISNET.onnx], tags[=BUNDLE], florence[=BUNDLE], linker. tags, florence, linker if left out.",
  },
  task: {
    type: "string",
    short: "t",
    value: "TASK",
    multiple: true,
    summary:
      "annotate, refine: what a bundle is asked; all it can do if left out.",
  },
  labels: {
    type: "string",
    short: "l",
    value: "FILE",
    summary: "annotate: JSONL of what people said of the photos.",
  },
  retry: {
    type: "boolean",
    summary: "annotate: try photos again that failed before.",
  },
  photos: {
    type: "string",
    short: "p",
    value: "DIR",
    summary:
      "sheet, refine, compose: folder of the photos the records speak of.",
  },
  options: {
    type: "string",
    value: "FILE",
    summary:
      "filter, refine: JSON of bounds that differ from the defaults; florence data-engine schema options lists them.",
  },
  train: {
    type: "string",
    value: "COMMAND",
    summary:
      "refine: trains a bundle; it finds FLORENCE_PHOTOS, FLORENCE_RECORDS and FLORENCE_BUNDLE in its environment.",
  },
  rounds: {
    type: "string",
    value: "N",
    summary: "refine: how many; 2 if left out.",
  },
  backgrounds: {
    type: "string",
    value: "DIR",
    summary: "compose: photos to paste things on.",
  },
  font: {
    type: "string",
    value: "FILE",
    multiple: true,
    summary: "render-text: a font; Roboto in six styles if left out.",
  },
  count: {
    type: "string",
    short: "n",
    value: "N",
    summary: "compose, render-text: pictures to make; 100 if left out.",
  },
  seed: {
    type: "string",
    value: "N",
    summary:
      "compose, render-text: the same seed makes the same pictures; 0 if left out.",
  },
  limit: {
    type: "string",
    value: "N",
    summary: "sheet: photos on the page; 500 if left out.",
  },
  workers: {
    type: "string",
    short: "w",
    value: "N",
    summary: "Threads; one for each processor if left out.",
  },
} as const;

export type DataEngineFlags = FlagValues<typeof DATA_ENGINE_FLAGS>;
type FlagName = keyof typeof DATA_ENGINE_FLAGS;

/** What each action takes besides its argument. */
const TAKES = {
  annotate: ["out", "specialist", "task", "labels", "retry", "workers"],
  filter: ["out", "options"],
  sheet: ["out", "photos", "limit"],
  refine: ["out", "photos", "options", "train", "rounds", "task", "workers"],
  compose: ["out", "photos", "backgrounds", "count", "seed", "workers"],
  "render-text": ["out", "font", "count", "seed", "workers"],
  schema: [],
} as const satisfies Record<string, readonly FlagName[]>;

export type DataEngineAction = keyof typeof TAKES;

/** What can be done, in the order of help. */
export const DATA_ENGINE_ACTIONS = Object.keys(TAKES) as DataEngineAction[];

/**
 * Refuses flags another action takes: they would be ignored.
 *
 * @throws FlorenceError `invalid_request`.
 */
export function checkFlags(
  action: DataEngineAction,
  values: DataEngineFlags,
): void {
  const taken: readonly FlagName[] = TAKES[action];
  const stray = (Object.keys(values) as FlagName[]).find(
    (name) => !taken.includes(name),
  );
  if (stray === undefined) return;
  throw usageError(
    `data-engine ${action} takes no --${stray}; ${taken.length === 0 ? "it takes no flags" : `it takes ${taken.map((name) => `--${name}`).join(", ")}`}.`,
    "data-engine",
  );
}
