// What comes out.

import type { INodeProperties } from "n8n-workflow";
import { operationsWithList } from "../operations.ts";

const withList = { show: { operation: operationsWithList() } };

export const outputFields: INodeProperties[] = [
  {
    displayName: "Output",
    name: "output",
    type: "options",
    options: [
      {
        name: "One Item per Image",
        value: "image",
        description: "Everything that was found, as a list in one item",
      },
      {
        name: "One Item per Object",
        value: "object",
        description:
          "An item for each object, segment, line or region that was found; none if nothing was",
      },
    ],
    default: "image",
    displayOptions: withList,
    description: "How many items come out for each picture",
  },
  {
    displayName: "Annotated Image",
    name: "annotated",
    type: "boolean",
    default: false,
    displayOptions: withList,
    description:
      "Whether to add the picture with what was found drawn on it, as the binary field annotated",
  },
  {
    displayName: "Crops",
    name: "crops",
    type: "boolean",
    default: false,
    displayOptions: withList,
    description:
      "Whether to add a cut-out of each object, segment and line: the binary field crop with one item per object, crop_0, crop_1 and so on with one per image",
  },
  {
    displayName: "Simplify",
    name: "simplify",
    type: "boolean",
    default: true,
    description:
      "Whether to return a simplified version of the response instead of the raw data",
  },
];
