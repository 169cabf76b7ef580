// One item in, its items out.

import type {
  IBinaryKeyData,
  IDataObject,
  IExecuteFunctions,
  INodeExecutionData,
} from "n8n-workflow";
import { analyze } from "./analyze.ts";
import { filesOfItem, isCombined } from "./item-files.ts";
import { makeItems, type MadeFile } from "./make-items.ts";
import { readImage } from "./read-image.ts";
import { readItem } from "./read-item.ts";

/** Answers one item; everything it makes is paired with it. */
export async function runItem(
  context: IExecuteFunctions,
  itemIndex: number,
): Promise<INodeExecutionData[]> {
  const pairedItem = { item: itemIndex };
  const { request, asking, output } = readItem(context, itemIndex);
  const { image, fileStem } = await readImage(context, itemIndex);
  const analyzed = await analyze(context, image, request, asking);
  const kept = output.keepInput
    ? filesOfItem(
        context.getInputData()[itemIndex] ?? { json: {} },
        isCombined(context),
      )
    : {};
  if (analyzed.kind === "job") {
    return [
      { json: analyzed.job as IDataObject, binary: { ...kept }, pairedItem },
    ];
  }
  const made = makeItems(analyzed.envelope, { ...output, fileStem });
  // Files that several items share are stored once.
  const stored = new Map<MadeFile, IBinaryKeyData[string]>();
  const items: INodeExecutionData[] = [];
  for (const { json, files } of made) {
    const binary: IBinaryKeyData = { ...kept };
    for (const file of files) {
      const data = stored.get(file) ?? (await store(context, file));
      stored.set(file, data);
      binary[file.key] = data;
    }
    items.push({
      json: json as IDataObject,
      // An agent warns of files in an answer, even of none.
      ...(Object.keys(binary).length > 0 && { binary }),
      pairedItem,
    });
  }
  return items;
}

async function store(
  context: IExecuteFunctions,
  { base64, fileName, mediaType }: MadeFile,
): Promise<IBinaryKeyData[string]> {
  return await context.helpers.prepareBinaryData(
    Buffer.from(base64, "base64"),
    fileName,
    mediaType,
  );
}
