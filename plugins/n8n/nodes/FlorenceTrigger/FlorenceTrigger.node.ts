import type {
  IHookFunctions,
  INodeType,
  INodeTypeDescription,
  IWebhookFunctions,
  IWebhookResponseData,
} from "n8n-workflow";
import { NodeConnectionTypes } from "n8n-workflow";
import { receive } from "./receive.ts";
import { isRegistered, register, unregister } from "./registration.ts";
import { triggerFields } from "./trigger-fields.ts";

export class FlorenceTrigger implements INodeType {
  description: INodeTypeDescription = {
    displayName: "Florence Trigger",
    name: "florenceTrigger",
    icon: {
      light: "file:../../icons/florence.svg",
      dark: "file:../../icons/florence.dark.svg",
    },
    group: ["trigger"],
    // n8n 2.41 takes version 1 for its own first Webhook node, and starts none where
    // a workflow's files are among its JSON (binaryMode combined).
    version: 2,
    subtitle: '={{ $parameter["events"].join(", ") }}',
    description:
      "Start when a picture is uploaded to Florence, or when an analysis is done or has failed",
    defaults: { name: "Florence Trigger" },
    inputs: [],
    outputs: [NodeConnectionTypes.Main],
    credentials: [{ name: "florenceApi", required: true }],
    webhooks: [
      {
        name: "default",
        httpMethod: "POST",
        responseMode: "onReceived",
        path: "florence",
      },
    ],
    properties: triggerFields,
  };

  webhookMethods = {
    default: {
      async checkExists(this: IHookFunctions): Promise<boolean> {
        return await isRegistered(this);
      },
      async create(this: IHookFunctions): Promise<boolean> {
        await register(this);
        return true;
      },
      async delete(this: IHookFunctions): Promise<boolean> {
        await unregister(this);
        return true;
      },
    },
  };

  async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
    return await receive(this);
  }
}
