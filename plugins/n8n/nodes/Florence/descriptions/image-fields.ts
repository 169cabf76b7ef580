// Where the picture comes from. An agent cannot pass bytes: as a tool the node
// begins with an address, which the model fills in.

import type { INodeProperties, INodePropertyOptions } from "n8n-workflow";

const SOURCES: INodePropertyOptions[] = [
  {
    name: "Binary File",
    value: "binary",
    description: "A file of the item, from a node before this one",
  },
  {
    name: "Feature ID",
    value: "feature",
    description: "A picture of an earlier answer, not looked at once more",
  },
  {
    name: "Upload ID",
    value: "upload",
    description:
      "A picture that was uploaded to the service, as the Florence Trigger tells it",
  },
  {
    name: "URL",
    value: "url",
    description: "An address that the service fetches the picture from",
  },
];

export const imageFields: INodeProperties[] = [
  {
    displayName: "Image Source",
    name: "imageSource",
    type: "options",
    options: SOURCES,
    default: "binary",
    displayOptions: { hide: { "@tool": [true] } },
    description: "Where the picture comes from",
  },
  {
    displayName: "Image Source",
    name: "imageSource",
    type: "options",
    options: SOURCES,
    default: "url",
    displayOptions: { show: { "@tool": [true] } },
    description: "Where the picture comes from",
  },
  {
    displayName: "Input Data Field Name",
    name: "binaryPropertyName",
    type: "string",
    default: "data",
    required: true,
    displayOptions: { show: { imageSource: ["binary"] } },
    hint: "The name of the input field containing the image",
    description:
      "If there is no field of this name and the item has one image only, that one is taken",
  },
  {
    displayName: "Image URL",
    name: "imageUrl",
    type: "string",
    default: "",
    required: true,
    placeholder: "https://example.com/street.jpg",
    displayOptions: {
      show: { imageSource: ["url"] },
      hide: { "@tool": [true] },
    },
    description:
      "Public HTTP or HTTPS address of a JPEG, PNG or WebP picture. The service fetches it, not n8n.",
  },
  {
    displayName: "Image URL",
    name: "imageUrl",
    type: "string",
    default:
      "={{ /*n8n-auto-generated-fromAI-override*/ $fromAI('image_url', `Public http or https address of the picture (JPEG, PNG or WebP), exactly as it was given`, 'string') }}",
    required: true,
    placeholder: "https://example.com/street.jpg",
    displayOptions: { show: { imageSource: ["url"], "@tool": [true] } },
    description:
      "Public HTTP or HTTPS address of a JPEG, PNG or WebP picture. The service fetches it, not n8n.",
  },
  {
    displayName: "Upload ID",
    name: "uploadId",
    type: "string",
    default: "={{ $json.upload_id }}",
    required: true,
    displayOptions: { show: { imageSource: ["upload"] } },
    description: "The upload_id that the service or the Florence Trigger gave",
  },
  {
    displayName: "Feature ID",
    name: "featureId",
    type: "string",
    default: "={{ $json.image.feature_id }}",
    required: true,
    displayOptions: { show: { imageSource: ["feature"] } },
    description: "The image.feature_id of an earlier Florence node's answer",
  },
];
