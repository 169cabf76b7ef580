// One delivery: refused, known already, or the start of a workflow.

import type {
  IBinaryKeyData,
  IDataObject,
  IWebhookFunctions,
  IWebhookResponseData,
} from "n8n-workflow";
import { NodeOperationError } from "n8n-workflow";
import { isObject, type Json } from "../shared/json.ts";
import { freshImageUrl, register } from "./registration.ts";
import { hasSeen, readSeen, remember } from "./seen-deliveries.ts";
import {
  verifyDelivery,
  type Delivery,
  type Verdict,
} from "./verify-delivery.ts";

/** Forged deliveries must not make us ask the service each time. */
const REFRESH_EVERY_MS = 5 * 60_000;

const DOWNLOAD_TIMEOUT_MS = 20_000;

/** Answers one delivery. */
export async function receive(
  context: IWebhookFunctions,
): Promise<IWebhookResponseData> {
  const verdict = await verify(context);
  const response = context.getResponseObject();
  if (!verdict.isGenuine) {
    context.logger.warn(
      `Florence Trigger refused a delivery: ${verdict.reason}`,
    );
    response
      .status(401)
      .json({ error: `Signature refused: ${verdict.reason}` });
    return { noWebhookResponse: true };
  }
  const event = context.getBodyData() as Json;
  const type = String(event["type"]);
  const wanted = context.getNodeParameter("events", []) as string[];
  const data = context.getWorkflowStaticData("node");
  const seen = readSeen(data["seen"]);
  // The service's own test message, and what came before, start nothing.
  if (!wanted.includes(type) || hasSeen(seen, verdict.id)) {
    return { webhookResponse: { received: true, started: false } };
  }
  // Noted before the download, during which it may be sent again.
  data["seen"] = remember(seen, verdict.id, Date.now());
  const details = isObject(event["data"]) ? event["data"] : {};
  let binary: IBinaryKeyData = {};
  try {
    binary = await download(context, type, details);
  } catch (error) {
    // Not taken: the service sends it again.
    data["seen"] = readSeen(data["seen"]).filter(([id]) => id !== verdict.id);
    throw new NodeOperationError(context.getNode(), error as Error);
  }
  const json = {
    event: type,
    timestamp: event["timestamp"],
    webhook_id: verdict.id,
    ...details,
  } as IDataObject;
  // Answered here: n8n 2.41 saves static data when the answer is given, and
  // forgets that it has changed if the workflow was begun before.
  response.status(200).json({ received: true, started: true });
  return { noWebhookResponse: true, workflowData: [[{ json, binary }]] };
}

/** Checks the signature; where it does not fit, with the secret of today. */
async function verify(context: IWebhookFunctions): Promise<Verdict> {
  const data = context.getWorkflowStaticData("node");
  const request = context.getRequestObject() as unknown as { rawBody?: Buffer };
  const delivery: Delivery = {
    headers: context.getHeaderData(),
    body: request.rawBody ?? Buffer.alloc(0),
  };
  const nowMs = Date.now();
  const verdict = verifyDelivery(delivery, String(data["secret"] ?? ""), nowMs);
  // During a rotation the newest secret signs first: ours should be replaced.
  const isOld = verdict.isGenuine ? verdict.fits > 0 : verdict.mayBeRotated;
  const isTooSoon =
    !verdict.isGenuine &&
    nowMs - Number(data["refreshedMs"] ?? 0) < REFRESH_EVERY_MS;
  if (!isOld || isTooSoon) return verdict;
  data["refreshedMs"] = nowMs;
  try {
    const secret = await register(context);
    return verdict.isGenuine
      ? verdict
      : verifyDelivery(delivery, secret, nowMs);
  } catch (error) {
    context.logger.warn(
      `Florence Trigger could not ask for the secret of today: ${String(error)}`,
    );
    return verdict;
  }
}

async function download(
  context: IWebhookFunctions,
  type: string,
  details: Json,
): Promise<IBinaryKeyData> {
  const isWanted = context.getNodeParameter("downloadImage", false) === true;
  const { image_url: imageUrl, upload_id: uploadId, key } = details;
  if (!isWanted || type !== "image.uploaded" || typeof imageUrl !== "string") {
    return {};
  }
  let picture = await fetchImage(context, imageUrl);
  if (picture.statusCode >= 400 && typeof uploadId === "string") {
    const fresh = await freshImageUrl(context, uploadId);
    if (fresh !== null) picture = await fetchImage(context, fresh);
  }
  if (picture.statusCode >= 400) {
    throw new NodeOperationError(
      context.getNode(),
      `The uploaded picture cannot be downloaded: HTTP ${picture.statusCode}`,
    );
  }
  const name =
    typeof key === "string" ? key.split("/").pop() : String(uploadId);
  return {
    data: await context.helpers.prepareBinaryData(
      picture.body,
      name,
      String(details["media_type"] ?? "image/jpeg"),
    ),
  };
}

/** The address is signed: it takes no key. */
async function fetchImage(
  context: IWebhookFunctions,
  url: string,
): Promise<{ statusCode: number; body: Buffer }> {
  const { statusCode, body } = (await context.helpers.httpRequest({
    url,
    encoding: "arraybuffer",
    returnFullResponse: true,
    ignoreHttpStatusErrors: true,
    timeout: DOWNLOAD_TIMEOUT_MS,
  })) as { statusCode: number; body: Buffer };
  return { statusCode, body };
}
