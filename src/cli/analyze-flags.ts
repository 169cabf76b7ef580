// The flags of `florence analyze`.

import { TASKS } from "../shared/tasks/index.ts";

/** Every flag, as the parser and the help take it. */
export const ANALYZE_FLAGS = {
  task: {
    type: "string",
    short: "t",
    multiple: true,
    value: "TASK",
    summary:
      "What to ask, a variant after a colon: caption:detailed. Without it: caption and detect. florence tasks lists them.",
  },
  phrase: {
    type: "string",
    value: "TEXT",
    summary: `What to look for, for ${takersOf("phrase")}.`,
  },
  labels: {
    type: "string",
    value: "A,B,…",
    summary: `Labels to look for or to choose from, for ${takersOf("labels")}.`,
  },
  region: {
    type: "string",
    multiple: true,
    value: "x_min,y_min,x_max,y_max",
    summary: `A box in pixels, for ${takersOf("regions")}.`,
  },
  request: {
    type: "string",
    value: "FILE.json",
    summary:
      "Tasks and options as the HTTP API takes them; flags for options win over it.",
  },
  model: {
    type: "string",
    short: "m",
    value: "BUNDLE",
    summary: "Folder of the model. Without it: the model in the box.",
  },
  json: {
    type: "boolean",
    summary:
      "Print one envelope, or an array of them for several images or a folder. The default where the output is no terminal.",
  },
  jsonl: {
    type: "boolean",
    summary: "Print an envelope a line, each as soon as it is there.",
  },
  annotate: {
    type: "string",
    value: "DIR",
    summary:
      "Write each photo with what was found drawn over it: DIR/NAME.annotated.png.",
  },
  beams: {
    type: "string",
    value: "N",
    summary: "Beams of the search, 1 to 8; 1, greedy, if left out.",
  },
  "max-tokens": {
    type: "string",
    value: "N",
    summary: "Cut answers after N tokens.",
  },
  "min-score": {
    type: "string",
    value: "S",
    summary:
      "Leave out what scores below S, 0 to 1; what the model would if left out.",
  },
  coordinates: {
    type: "string",
    value: "UNIT",
    summary:
      "pixel (the default), or normalized: fractions of the sides, for --region too.",
  },
  "input-size": {
    type: "string",
    value: "SIDE",
    summary: "Side in pixels at which the model sees the image, or auto.",
  },
  raw: {
    type: "boolean",
    summary: "Add the model's own text, token ids and log-probabilities.",
  },
  threads: {
    type: "string",
    value: "N",
    summary: "Threads to compute with; all cores if left out.",
  },
} as const;

/** The tasks that take an input, as a list in a sentence. */
function takersOf(field: string): string {
  return new Intl.ListFormat("en", { type: "conjunction" }).format(
    TASKS.filter(({ inputs }) => inputs.includes(field)).map(
      ({ spelling }) => spelling,
    ),
  );
}
