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
        action: "Describe regions of an image densely",
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
        action: "Detect objects",
        description:
          "Find objects of common categories, with label, score and box",
      },
      {
        name: "Detect Open Vocabulary",
        value: "detectOpen",
        action: "Detect objects by your labels",
        description:
          "Find objects of the labels you name, and say which are not there",
      },
      {
        name: "Ground Phrase",
        value: "ground",
        action: "Ground a phrase",
        description: "Find the box of each thing that a sentence mentions",
      },
      {
        name: "Propose Regions",
        value: "propose",
        action: "Propose regions",
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
        action: "Segment by a phrase",
        description: "Outline what a phrase names as polygons",
      },
      {
        name: "By Region",
        value: "byRegion",
        action: "Segment by regions",
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
        action: "Classify regions",
        description:
          "Name the category of each box, or pick one of your categories",
      },
      {
        name: "Describe",
        value: "describe",
        action: "Describe regions",
        description: "Say in a few words what each box shows",
      },
      {
        name: "Read Text",
        value: "readText",
        action: "Read text in regions",
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
        action: "Read text of an image",
        description: "Read all text of the picture as one text",
      },
      {
        name: "Read With Regions",
        value: "readWithRegions",
        action: "Read lines of text with their regions",
        description:
          "Read the text of the picture line by line, with the place of each line",
      },
    ],
    default: "read",
  },
];
