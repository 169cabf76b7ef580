// The picture of an item: its own binary data, or the name of one that the
// service can get at.

import type { IDataObject, IExecuteFunctions } from "n8n-workflow";
import { BadInput } from "../shared/bad-input.ts";
import { filesOfItem, isCombined, withoutFilesPrefix } from "./item-files.ts";
import { pickBinary } from "./pick-binary.ts";

/** A picture as the request takes it. */
export interface ItemImage {
  /** Bytes, or what stands in `image` of a JSON body. */
  readonly image:
    | {
        readonly bytes: Buffer;
        readonly mediaType: string;
        readonly fileName: string;
      }
    | IDataObject;
  /** Begins the names of files that are made of it. */
  readonly fileStem: string;
}

/** Names of the panel's fields, the request's and the user's, by source. */
const REFERENCES = {
  url: { parameter: "imageUrl", field: "url", title: "Image URL" },
  upload: { parameter: "uploadId", field: "upload_id", title: "Upload ID" },
  feature: { parameter: "featureId", field: "feature_id", title: "Feature ID" },
} as const;

/** @throws BadInput for a picture that is not there. */
export async function readImage(
  context: IExecuteFunctions,
  itemIndex: number,
): Promise<ItemImage> {
  const source = context.getNodeParameter("imageSource", itemIndex) as string;
  if (source === "binary") return await readBinary(context, itemIndex);
  const reference = REFERENCES[source as keyof typeof REFERENCES] as
    (typeof REFERENCES)[keyof typeof REFERENCES] | undefined;
  if (reference === undefined) {
    throw new BadInput(`There is no image source "${source}"`);
  }
  const { parameter, field, title } = reference;
  const value = context.getNodeParameter(parameter, itemIndex, "") as unknown;
  if (typeof value !== "string" || value.trim() === "") {
    throw new BadInput(
      `${title} is empty`,
      "Fill it in, or check that the expression finds something in this item.",
    );
  }
  return {
    image: { [field]: value.trim() },
    fileStem: source === "url" ? stemOf(value) : "image",
  };
}

async function readBinary(
  context: IExecuteFunctions,
  itemIndex: number,
): Promise<ItemImage> {
  const wanted = context.getNodeParameter(
    "binaryPropertyName",
    itemIndex,
  ) as string;
  const combined = isCombined(context);
  const item = context.getInputData()[itemIndex] ?? { json: {} };
  const files = filesOfItem(item, combined);
  const name = combined ? withoutFilesPrefix(wanted) : wanted;
  const key = pickBinary(files, name);
  // By its name n8n finds a file only where the workflow's setting puts it.
  const file = combined ? (files[key] ?? key) : key;
  const { mimeType, fileName = "image" } = context.helpers.assertBinaryData(
    itemIndex,
    file,
  );
  return {
    image: {
      bytes: await context.helpers.getBinaryDataBuffer(itemIndex, file),
      mediaType: mimeType,
      fileName,
    },
    fileStem: stemOf(fileName),
  };
}

/** `shop/van.jpg?x=1` to `van`. */
function stemOf(path: string): string {
  const [address = ""] = path.split(/[?#]/u);
  const name = address.split("/").pop() ?? "";
  return name.replace(/\.[^.]*$/u, "").slice(0, 60) || "image";
}
