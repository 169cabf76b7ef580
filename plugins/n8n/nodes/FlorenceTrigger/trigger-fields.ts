// What the trigger is told of.

import type { INodeProperties } from "n8n-workflow";
import { EVENTS, TASKS } from "../Florence/task-table.ts";

const titleOf = (name: string): string =>
  name
    .split(/[._:]/u)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join(" ");

export const triggerFields: INodeProperties[] = [
  {
    displayName: "Events",
    name: "events",
    type: "multiOptions",
    options: EVENTS.map(({ name, description }) => ({
      name: titleOf(name),
      value: name,
      description: description.replace(/\.$/u, ""),
    })),
    default: ["image.uploaded"],
    required: true,
    description: "What starts the workflow",
  },
  {
    displayName: "Download Image",
    name: "downloadImage",
    type: "boolean",
    default: false,
    displayOptions: { show: { events: ["image.uploaded"] } },
    description:
      "Whether to put an uploaded picture into the binary field data. Without it a Florence node can name the picture by its upload ID.",
  },
  {
    displayName: "Include Result",
    name: "fullResult",
    type: "boolean",
    default: true,
    displayOptions: {
      show: { events: ["analysis.completed", "analysis.failed"] },
    },
    description:
      "Whether the whole analysis comes with its event, where it is below 20 kB",
  },
  {
    displayName: "Sources",
    name: "sources",
    type: "string",
    default: "",
    placeholder: "upload, r2",
    description:
      "Only pictures that came this way: upload, r2, API or the name of an inbound hook, separated by commas. Left empty, all do.",
  },
  {
    displayName: "Tasks",
    name: "tasks",
    type: "multiOptions",
    options: TASKS.map(({ spelling, summary }) => ({
      name: titleOf(spelling),
      value: spelling,
      description: summary.replace(/\.$/u, ""),
    })),
    default: [],
    description: "Only where one of these was asked. None chosen, all count.",
  },
];
