// What each task is told.

import type { INodeProperties } from "n8n-workflow";
import { operationsWith } from "../operations.ts";
import { OPTIONS, TASKS } from "../task-table.ts";

const REGIONS_HELP =
  'A list of {"x_min", "y_min", "x_max", "y_max"}, each with an "ID" of your own if you like. Boxes are in the unit of Coordinates in Options: pixels if left out.';

/** Inputs of a row of Run Many Tasks, shown for the tasks that take them. */
const spellingsWith = (input: string): string[] =>
  TASKS.flatMap(({ spelling, inputs }) =>
    inputs.some((one) => one === input) ? [spelling] : [],
  );

const titleOf = (spelling: string): string =>
  spelling
    .split(/[_:]/u)
    .map((word) =>
      word === "ocr" ? "OCR" : word.charAt(0).toUpperCase() + word.slice(1),
    )
    .join(" ");

export const taskFields: INodeProperties[] = [
  {
    displayName: "Detail",
    name: "detail",
    type: "options",
    options: [
      { name: "Short", value: "short", description: "One sentence" },
      { name: "Detailed", value: "detailed", description: "A few sentences" },
      { name: "Full", value: "full", description: "A paragraph" },
    ],
    default: "short",
    displayOptions: { show: { resource: ["image"], operation: ["caption"] } },
    description: "How much the caption says",
  },
  {
    displayName: "Labels",
    name: "labels",
    type: "string",
    default: "",
    required: true,
    placeholder: "car, bicycle, traffic light",
    displayOptions: {
      show: { resource: ["object"], operation: ["detectOpen"] },
      hide: { "@tool": [true] },
    },
    description: "What to look for: 1 to 32 labels, separated by commas",
  },
  {
    displayName: "Labels",
    name: "labels",
    type: "string",
    default:
      "={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('labels', `What to look for: 1 to 32 English nouns in the singular, separated by commas, for example: person, dog, traffic light`, 'string') }}",
    required: true,
    placeholder: "car, bicycle, traffic light",
    displayOptions: {
      show: {
        resource: ["object"],
        operation: ["detectOpen"],
        "@tool": [true],
      },
    },
    description: "What to look for: 1 to 32 labels, separated by commas",
  },
  {
    displayName: "Phrase",
    name: "phrase",
    type: "string",
    default: "",
    required: true,
    placeholder: "a dog next to a red bicycle",
    displayOptions: {
      show: { operation: operationsWith("phrase") },
      hide: { "@tool": [true] },
    },
    description:
      "What to look for, in English words: a sentence or a noun phrase",
  },
  {
    displayName: "Phrase",
    name: "phrase",
    type: "string",
    default:
      "={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('phrase', `What to look for in the picture, in English words: a noun phrase such as: a red bicycle by the wall`, 'string') }}",
    required: true,
    placeholder: "a dog next to a red bicycle",
    displayOptions: {
      show: { operation: operationsWith("phrase"), "@tool": [true] },
    },
    description:
      "What to look for, in English words: a sentence or a noun phrase",
  },
  {
    displayName: "Regions From",
    name: "regionsFrom",
    type: "options",
    options: [
      {
        name: "Earlier Detection",
        value: "item",
        description:
          "Boxes that a Florence node before this one put into the item",
      },
      {
        name: "Fields Below",
        value: "fields",
        description: "Four numbers for each box, expressions welcome",
      },
      { name: "JSON", value: "json", description: "A list of boxes as JSON" },
    ],
    default: "item",
    displayOptions: { show: { operation: operationsWith("regions") } },
    description: "Where the boxes come from",
  },
  {
    displayName: "Regions",
    name: "regionsJson",
    type: "json",
    default: '[{ "x_min": 34, "y_min": 160, "x_max": 597, "y_max": 372 }]',
    required: true,
    displayOptions: {
      show: { operation: operationsWith("regions"), regionsFrom: ["json"] },
    },
    description: REGIONS_HELP,
  },
  {
    displayName: "Regions",
    name: "regions",
    type: "fixedCollection",
    typeOptions: { multipleValues: true },
    placeholder: "Add Region",
    default: {},
    displayOptions: {
      show: { operation: operationsWith("regions"), regionsFrom: ["fields"] },
    },
    description: "Boxes in the picture, from its upper left corner",
    options: [
      {
        displayName: "Region",
        name: "region",
        values: [
          {
            displayName: "ID",
            name: "id",
            type: "string",
            default: "",
            description: "A name of your own that comes back with the answer",
          },
          {
            displayName: "X Max",
            name: "x_max",
            type: "number",
            default: 0,
            description: "Right side",
          },
          {
            displayName: "X Min",
            name: "x_min",
            type: "number",
            default: 0,
            description: "Left side",
          },
          {
            displayName: "Y Max",
            name: "y_max",
            type: "number",
            default: 0,
            description: "Lower side",
          },
          {
            displayName: "Y Min",
            name: "y_min",
            type: "number",
            default: 0,
            description: "Upper side",
          },
        ],
      },
    ],
  },
  {
    displayName: "Categories",
    name: "categories",
    type: "string",
    default: "",
    placeholder: "car, van, bus",
    displayOptions: { show: { resource: ["region"], operation: ["classify"] } },
    description:
      "Categories to choose from, separated by commas. Left empty, the model finds its own words.",
  },
  {
    displayName: "Tasks",
    name: "tasks",
    type: "fixedCollection",
    typeOptions: { multipleValues: true },
    placeholder: "Add Task",
    default: { task: [{ task: "caption" }, { task: "detect" }] },
    displayOptions: { show: { resource: ["image"], operation: ["runMany"] } },
    description: "What to ask of the picture, which is looked at once for all",
    options: [
      {
        displayName: "Task",
        name: "task",
        values: [
          {
            displayName: "Task",
            name: "task",
            type: "options",
            default: "caption",
            description: "What to ask",
            options: TASKS.map(({ spelling, summary }) => ({
              name: titleOf(spelling),
              value: spelling,
              description: summary.replace(/\.$/u, ""),
            })).sort((a, b) => a.name.localeCompare(b.name)),
          },
          {
            displayName: "Phrase",
            name: "phrase",
            type: "string",
            default: "",
            displayOptions: { show: { task: spellingsWith("phrase") } },
            description: "What to look for, in English words",
          },
          {
            displayName: "Labels",
            name: "labels",
            type: "string",
            default: "",
            displayOptions: { show: { task: spellingsWith("labels") } },
            description: "Separated by commas",
          },
          {
            displayName: "Regions",
            name: "regions",
            type: "json",
            default: "={{ $json.objects }}",
            displayOptions: { show: { task: spellingsWith("regions") } },
            description: REGIONS_HELP,
          },
        ],
      },
    ],
  },
];

/** Values of an option of the service, for a list; the first word is a capital. */
export const optionValues = (
  name: "coordinates" | "engine",
): { name: string; value: string }[] =>
  OPTIONS[name].values.map((value) => ({ name: titleOf(value), value }));
