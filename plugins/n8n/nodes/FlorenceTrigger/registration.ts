// The trigger's entry in the service's list of webhook endpoints.

import type {
  IDataObject,
  IHookFunctions,
  IWebhookFunctions,
} from "n8n-workflow";
import { isObject, objectsOf } from "../shared/json.ts";
import { callFlorence } from "../shared/transport.ts";

type TriggerContext = IHookFunctions | IWebhookFunctions;

const PATH = "/v1/webhook-endpoints";

/** What the panel asks to be told of. */
interface Wanted {
  readonly url: string;
  readonly events: readonly string[];
  readonly filter: { sources?: string[]; tasks?: string[] };
  readonly full: boolean;
}

/** Whether the service still has what was registered, as the panel has it now. */
export async function isRegistered(context: IHookFunctions): Promise<boolean> {
  const data = context.getWorkflowStaticData("node");
  const { endpointId, secret } = data;
  if (typeof endpointId !== "string" || typeof secret !== "string")
    return false;
  const { status, body } = await callFlorence(context, {
    method: "GET",
    path: `${PATH}/${encodeURIComponent(endpointId)}`,
    accepts: [404],
  });
  if (status === 404) {
    forget(data);
    return false;
  }
  return isObject(body) && shapeOf(body) === shapeOf(readWanted(context));
}

/**
 * Registers the webhook's address, and keeps the endpoint's id and secret. The
 * same address twice is one endpoint, so this may be done at any time.
 */
export async function register(context: TriggerContext): Promise<string> {
  const wanted = readWanted(context);
  const { body } = await callFlorence(context, {
    method: "POST",
    path: PATH,
    body: { ...wanted } as unknown as IDataObject,
    retries: 2,
  });
  const { id, secret } = isObject(body) ? body : {};
  if (typeof id !== "string" || typeof secret !== "string") {
    throw new Error(
      "The service did not register the webhook: its answer has no id and secret. It may be older than this node needs.",
    );
  }
  Object.assign(context.getWorkflowStaticData("node"), {
    endpointId: id,
    secret,
  });
  return secret;
}

/** Takes the address off the service's list; one that is gone already is fine. */
export async function unregister(context: IHookFunctions): Promise<void> {
  const data = context.getWorkflowStaticData("node");
  const { endpointId } = data;
  if (typeof endpointId === "string") {
    await callFlorence(context, {
      method: "DELETE",
      path: `${PATH}/${encodeURIComponent(endpointId)}`,
      accepts: [404],
    });
  }
  forget(data);
}

function forget(data: IDataObject): void {
  delete data["endpointId"];
  delete data["secret"];
  delete data["refreshedMs"];
}

function readWanted(context: TriggerContext): Wanted {
  const read = (name: string, standard: unknown): unknown =>
    context.getNodeParameter(name, standard as IDataObject) as unknown;
  const sources = String(read("sources", ""))
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
  const tasks = read("tasks", []) as string[];
  return {
    url: context.getNodeWebhookUrl("default") ?? "",
    events: read("events", []) as string[],
    filter: {
      ...(sources.length > 0 && { sources }),
      ...(tasks.length > 0 && { tasks }),
    },
    full: read("fullResult", true) === true,
  };
}

/** What two registrations are compared by. */
function shapeOf(one: object): string {
  const { url, events, filter, full } = one as Record<string, unknown>;
  const { sources, tasks } = isObject(filter) ? filter : {};
  const sorted = (list: unknown): unknown =>
    Array.isArray(list) ? [...(list as string[])].sort() : [];
  return JSON.stringify([
    url,
    sorted(events),
    sorted(sources),
    sorted(tasks),
    full,
  ]);
}

/** A fresh address of an uploaded picture; the one in the event holds for an hour. */
export async function freshImageUrl(
  context: IWebhookFunctions,
  uploadId: string,
): Promise<string | null> {
  const { body } = await callFlorence(context, {
    method: "GET",
    path: `/v1/uploads/${encodeURIComponent(uploadId)}`,
  });
  const [upload] = objectsOf([body]);
  return typeof upload?.["image_url"] === "string" ? upload["image_url"] : null;
}
