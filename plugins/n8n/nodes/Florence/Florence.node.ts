import type {
  IDataObject,
  IExecuteFunctions,
  INodeExecutionData,
  INodeType,
  INodeTypeDescription,
} from "n8n-workflow";
import {
  NodeApiError,
  NodeConnectionTypes,
  NodeOperationError,
} from "n8n-workflow";
import { BadInput } from "../shared/bad-input.ts";
import { pause, signalOf } from "../shared/transport.ts";
import { imageFields } from "./descriptions/image-fields.ts";
import { operationFields } from "./descriptions/operation-fields.ts";
import { optionFields } from "./descriptions/option-fields.ts";
import { outputFields } from "./descriptions/output-fields.ts";
import { taskFields } from "./descriptions/task-fields.ts";
import { listModels } from "./list-models.ts";
import { runItem } from "./run-item.ts";

export class Florence implements INodeType {
  description: INodeTypeDescription = {
    displayName: "Florence",
    name: "florence",
    icon: {
      light: "file:../../icons/florence.svg",
      dark: "file:../../icons/florence.dark.svg",
    },
    group: ["transform"],
    version: 1,
    subtitle: '={{ $parameter["operation"] + ": " + $parameter["resource"] }}',
    description:
      "Look at a picture with Florence-2: describe it, find and outline objects, read its text",
    defaults: { name: "Florence" },
    inputs: [NodeConnectionTypes.Main],
    outputs: [NodeConnectionTypes.Main],
    usableAsTool: true,
    credentials: [{ name: "florenceApi", required: true }],
    properties: [
      ...operationFields,
      ...imageFields,
      ...taskFields,
      ...outputFields,
      ...optionFields,
    ],
  };

  methods = { loadOptions: { getModels: listModels } };

  async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
    const items = this.getInputData();
    const out: INodeExecutionData[] = [];
    const first = items.length === 0 ? {} : optionsOf(this);
    const batchSize = Math.max(1, Math.floor(Number(first["batchSize"] ?? 4)));
    const intervalMs = Number(first["batchInterval"] ?? 0);
    for (let start = 0; start < items.length; start += batchSize) {
      if (start > 0) await pause(intervalMs, signalOf(this));
      if (signalOf(this)?.aborted === true) break;
      const batch = items.slice(start, start + batchSize);
      const answers = await Promise.all(
        batch.map((_, at) => runOrTell(this, start + at)),
      );
      out.push(...answers.flat());
    }
    return [out];
  }
}

/** Options that hold for the whole run are those of the first item. */
function optionsOf(context: IExecuteFunctions): IDataObject {
  return context.getNodeParameter("options", 0, {}) as IDataObject;
}

/** Runs one item; where the workflow goes on after errors, tells of it in its item. */
async function runOrTell(
  context: IExecuteFunctions,
  itemIndex: number,
): Promise<INodeExecutionData[]> {
  try {
    return await runItem(context, itemIndex);
  } catch (error) {
    const told = asNodeError(context, error, itemIndex);
    if (context.continueOnFail()) {
      return [{ json: errorJson(told), pairedItem: { item: itemIndex } }];
    }
    throw new NodeOperationError(context.getNode(), told, { itemIndex });
  }
}

/**
 * What comes out in place of an answer. n8n sends to the error output what has no
 * other fields than `error`, `message` and `details`.
 */
function errorJson(told: NodeApiError | NodeOperationError): IDataObject {
  const details: IDataObject = {};
  const code = told.context["code"] as string | undefined;
  if (typeof told.description === "string") {
    details["description"] = told.description;
  }
  if (code !== undefined) details["code"] = code;
  return { error: told.message, details };
}

function asNodeError(
  context: IExecuteFunctions,
  error: unknown,
  itemIndex: number,
): NodeApiError | NodeOperationError {
  if (error instanceof NodeApiError || error instanceof NodeOperationError) {
    return error;
  }
  const hint = error instanceof BadInput ? error.hint : undefined;
  return new NodeOperationError(
    context.getNode(),
    error instanceof Error ? error : String(error),
    { itemIndex, ...(hint !== undefined && { description: hint }) },
  );
}
