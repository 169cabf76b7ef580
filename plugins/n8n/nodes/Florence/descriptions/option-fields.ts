// How it is asked. Names of the request's fields are in `build-request.ts`; n8n's
// linter wants defaults written out, and a test holds them to the service's.

import type { INodeProperties } from "n8n-workflow";
import { OPTIONS } from "../task-table.ts";
import { optionValues } from "./task-fields.ts";

export const optionFields: INodeProperties[] = [
  {
    displayName: "Options",
    name: "options",
    type: "collection",
    placeholder: "Add Option",
    default: {},
    options: [
      {
        displayName: "Allow Only This Engine",
        name: "onlyThisEngine",
        type: "boolean",
        default: false,
        description:
          "Whether to fail if the chosen engine cannot answer, rather than let another do it",
      },
      {
        displayName: "Batch Interval (Milliseconds)",
        name: "batchInterval",
        type: "number",
        typeOptions: { minValue: 0 },
        default: 0,
        description: "Milliseconds to wait between two batches of pictures",
      },
      {
        displayName: "Batch Size",
        name: "batchSize",
        type: "number",
        typeOptions: { minValue: 1, maxValue: 64 },
        default: 4,
        description: "How many pictures are asked about at the same time",
      },
      {
        displayName: "Beams",
        name: "beams",
        type: "number",
        typeOptions: {
          minValue: OPTIONS.beams.minimum,
          maxValue: OPTIONS.beams.maximum,
        },
        default: 1,
        description:
          "Wording is searched more widely with more beams, which takes longer",
      },
      {
        displayName: "Cache",
        name: "cache",
        type: "options",
        options: [
          { name: "Use", value: "use" },
          { name: "Off", value: "off" },
        ],
        default: "use",
        description: "Whether an answer that was kept from before may be given",
      },
      {
        displayName: "Coordinates",
        name: "coordinates",
        type: "options",
        options: optionValues("coordinates"),
        default: "pixel",
        description:
          "Unit of boxes and points, yours and the answer's: pixels, or 0 to 1",
      },
      {
        displayName: "Engine",
        name: "engine",
        type: "options",
        options: optionValues("engine"),
        default: "auto",
        description: "Where the model runs; auto lets the service choose",
      },
      {
        displayName: "Include Input Binary",
        name: "keepInput",
        type: "boolean",
        default: true,
        description:
          "Whether the items that come out keep the files of the one that went in",
      },
      {
        displayName: "Include Raw",
        name: "includeRaw",
        type: "boolean",
        default: false,
        description:
          "Whether to add the model's own answer, as tokens and text",
      },
      {
        displayName: "Input Size",
        name: "inputSize",
        type: "options",
        options: OPTIONS.input_size.values.map((value) => ({
          name: value === "auto" ? "Auto" : `${value} Pixels`,
          value,
        })),
        default: "auto",
        description: "Side in pixels that the picture is seen at",
      },
      {
        displayName: "Max Tiles",
        name: "maxTiles",
        type: "number",
        typeOptions: {
          minValue: OPTIONS["tiling.max_tiles"].minimum,
          maxValue: OPTIONS["tiling.max_tiles"].maximum,
        },
        default: 9,
        displayOptions: { show: { tiling: [true] } },
        description: "How many parts a large picture is looked at in, at most",
      },
      {
        displayName: "Max Tokens",
        name: "maxTokens",
        type: "number",
        typeOptions: {
          minValue: OPTIONS.max_tokens.minimum,
          maxValue: OPTIONS.max_tokens.maximum,
        },
        default: 256,
        description: "Length of each answer at most, in tokens",
      },
      {
        displayName: "Minimum Score",
        name: "minScore",
        type: "number",
        typeOptions: {
          minValue: OPTIONS.min_score.minimum,
          maxValue: OPTIONS.min_score.maximum,
          numberPrecision: 2,
        },
        default: 0,
        description:
          "Objects, lines and segments with a lower score are left out. Without this option the model decides.",
      },
      {
        displayName: "Model Name or ID",
        name: "model",
        type: "options",
        typeOptions: { loadOptionsMethod: "getModels" },
        default: "default",
        description:
          'Which model answers. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
      },
      {
        displayName: "Retries",
        name: "retries",
        type: "number",
        typeOptions: { minValue: 0, maxValue: 10 },
        default: 3,
        description:
          "How often to try again when the service is busy, after the time it names",
      },
      {
        displayName: "Run As Job",
        name: "asJob",
        type: "options",
        options: [
          {
            name: "No",
            value: "no",
            description: "The answer comes with the request",
          },
          {
            name: "Start Only",
            value: "start",
            description:
              "The job's ID comes out; a Florence Trigger can tell when it is done",
          },
          {
            name: "Wait for Job",
            value: "wait",
            description: "For what takes longer than a connection may last",
          },
        ],
        default: "no",
        description: "Whether the service works on it in the background",
      },
      {
        displayName: "Tile Overlap",
        name: "tileOverlap",
        type: "number",
        typeOptions: {
          minValue: OPTIONS["tiling.overlap"].minimum,
          maxValue: OPTIONS["tiling.overlap"].maximum,
          numberPrecision: 2,
        },
        default: 0.15,
        displayOptions: { show: { tiling: [true] } },
        description: "Share of a tile that the next one shows as well",
      },
      {
        displayName: "Tiling",
        name: "tiling",
        type: "boolean",
        default: false,
        description:
          "Whether to look at a large picture in parts, for small things and small print",
      },
      {
        displayName: "Timeout (Seconds)",
        name: "timeout",
        type: "number",
        typeOptions: { minValue: 1 },
        default: 120,
        description: "Seconds to wait for the answer of one picture",
      },
    ],
  },
];
