// What can be asked, by resource.

import type { IDisplayOptions, INodeProperties } from "n8n-workflow";

const forResource = (resource: string): IDisplayOptions => ({
  show: { resource: [resource] },
});

export const operationFields: INodeProperties[] = [
  {
    displayName: "Resource",
    name: "resource",
    type: "options",
    noDataExpression: true,
    options: [
      {
        name: "Image",
        value: "image",
        description:
          "The picture as a whole: captions, or several tasks at once",
      },
      {
        name: "Object",
        value: "object",
        description: "Things in the picture and their boxes",
      },
      {
        name: "Region",
        value: "region",
        description: "What is inside boxes that you have already",
      },
      {
        name: "Segment",
        value: "segment",
        description: "Outlines of things in the picture",
      },
      {
        name: "Text",
        value: "text",
        description: "Text that is written in the picture",
      },
    ],
    default: "image",
  },
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: forResource("image"),
    options: [
      {
        name: "Caption",
        value: "caption",
        action: "Caption an image",
        description:
          "Describe the picture in one sentence, some detail or a paragraph",
      },
      {
        name: "Describe Regions Densely",
        value: "denseCaption",
        action: "Describe the parts of an image",
        description:
          "Find parts of the picture and describe each in a few words",
      },
      {
        name: "Run Many Tasks",
        value: "runMany",
        action: "Run many tasks on an image",
        description:
          "Ask up to 16 tasks of one picture, which is looked at once only",
      },
    ],
    default: "caption",
  },
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: forResource("object"),
    options: [
      {
        name: "Detect",
        value: "detect",
        action: "Detect objects in an image",
        description:
          "Find objects of common categories, with label, score and box",
      },
      {
        name: "Detect Open Vocabulary",
        value: "detectOpen",
        action: "Find objects of given labels in an image",
        description:
          "Find objects of the labels you name, and say which are not there",
      },
      {
        name: "Ground Phrase",
        value: "ground",
        action: "Find what a sentence mentions in an image",
        description: "Find the box of each thing that a sentence mentions",
      },
      {
        name: "Propose Regions",
        value: "propose",
        action: "Propose regions of an image",
        description: "Find regions that stand out, without naming them",
      },
    ],
    default: "detect",
  },
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: forResource("segment"),
    options: [
      {
        name: "By Phrase",
        value: "byPhrase",
        action: "Outline what a phrase names in an image",
        description: "Outline what a phrase names as polygons",
      },
      {
        name: "By Region",
        value: "byRegion",
        action: "Outline what boxes of an image hold",
        description: "Outline what each of your boxes holds as polygons",
      },
    ],
    default: "byPhrase",
  },
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: forResource("region"),
    options: [
      {
        name: "Classify",
        value: "classify",
        action: "Classify regions of an image",
        description:
          "Name the category of each box, or pick one of your categories",
      },
      {
        name: "Describe",
        value: "describe",
        action: "Describe regions of an image",
        description: "Say in a few words what each box shows",
      },
      {
        name: "Read Text",
        value: "readText",
        action: "Read the text in regions of an image",
        description: "Read the text inside each box",
      },
    ],
    default: "describe",
  },
  {
    displayName: "Operation",
    name: "operation",
    type: "options",
    noDataExpression: true,
    displayOptions: forResource("text"),
    options: [
      {
        name: "Read",
        value: "read",
        action: "Read the text of an image",
        description: "Read all text of the picture as one text",
      },
      {
        name: "Read With Regions",
        value: "readWithRegions",
        action: "Read the lines of text of an image with their places",
        description:
          "Read the text of the picture line by line, with the place of each line",
      },
    ],
    default: "read",
  },
];
