// Registered receivers and what was sent to them, over HTTP.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import type { AppContext, Operation, Parameter } from "../operation.ts";
import { readJsonBody } from "../read-json-body.ts";
import { hint } from "./deliveries.ts";
import {
  DELIVERY_STATES,
  DeliveryListSchema,
  DeliverySchema,
  listDeliveries,
  MAX_PAGE,
  replayDelivery,
  type DeliveryState,
} from "./delivery-document.ts";
import {
  endpointDocument,
  EndpointSchema,
  EndpointWithSecretSchema,
  NewEndpointSchema,
} from "./endpoint-document.ts";
import { callbackSecret, signingSecrets } from "./endpoint-secrets.ts";
import {
  findEndpoint,
  listEndpoints,
  registerEndpoint,
  removeEndpoint,
  rotateSecret,
} from "./endpoints.ts";
import { sendWebhook } from "./send-webhook.ts";

const MAX_BODY_BYTES = 100_000;

const EndpointListSchema = v.object({
  object: v.literal("list"),
  data: v.array(EndpointSchema),
  /** Signs what goes to a job's `callback.url` that is not registered. */
  callback_secret: v.string(),
});

const RotationSchema = v.object({
  secret: v.string(),
  previous_valid_until: v.string(),
});

const TestSchema = v.object({
  delivered: v.boolean(),
  /** The `webhook-id` that was sent. */
  webhook_id: v.string(),
  /** What the receiver answered with; null if it did not. */
  status: v.nullable(v.number()),
  error: v.nullable(v.string()),
  /** The first 1,000 bytes of its answer. */
  answer: v.string(),
  duration_ms: v.number(),
});

const ID: Parameter = {
  name: "id",
  in: "path",
  description: "The endpoint's id.",
};

const DELIVERIES_PARAMETERS: readonly Parameter[] = [
  ID,
  {
    name: "status",
    in: "query",
    description: "Only these; `dead` are those that were given up.",
    schema: { type: "string", enum: DELIVERY_STATES },
  },
  {
    name: "limit",
    in: "query",
    description: `Deliveries in one answer; ${MAX_PAGE} if left out.`,
    schema: { type: "integer", minimum: 1, maximum: MAX_PAGE },
  },
  {
    name: "after",
    in: "query",
    description: "Id of the last delivery of the page before.",
  },
];

export function webhookOperations(host: Host): readonly Operation[] {
  const shared = { tag: "Webhooks", access: "webhooks" } as const;
  return [
    {
      ...shared,
      method: "POST",
      path: "/v1/webhook-endpoints",
      operationId: "registerWebhookEndpoint",
      summary: "Register an address that is told of events",
      description:
        "The same address twice is one endpoint: its id and secret stay, its events and filter become what the later request says. Messages are signed as Standard Webhooks has it; one that is not taken is sent again for more than a day, then kept as dead for 30 days. A registration is never deleted but by you.",
      body: {
        isRequired: true,
        content: { "application/json": NewEndpointSchema },
      },
      responses: {
        201: {
          description: "It is registered.",
          content: { "application/json": EndpointWithSecretSchema },
        },
        200: {
          description: "This key had registered it before.",
          content: { "application/json": EndpointWithSecretSchema },
        },
      },
      problems: ["invalid_request", "url_forbidden"],
      async handle(context) {
        const wanted = await readJsonBody(context.req.raw, NewEndpointSchema, {
          maxBytes: MAX_BODY_BYTES,
        });
        const principal = context.get("principal");
        const { endpoint, isNew } = await registerEndpoint(
          host,
          principal,
          wanted,
        );
        context.header("Cache-Control", "no-store");
        return context.json(endpoint, isNew ? 201 : 200);
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/webhook-endpoints",
      operationId: "listWebhookEndpoints",
      summary: "List the registered addresses",
      responses: {
        200: {
          description:
            "All of the tenant, the oldest first, without their secrets; and the secret of callbacks to addresses that are not registered.",
          content: { "application/json": EndpointListSchema },
        },
      },
      problems: [],
      async handle(context) {
        const principal = context.get("principal");
        context.header("Cache-Control", "no-store");
        return context.json({
          object: "list",
          data: await listEndpoints(host, principal),
          callback_secret: await callbackSecret(host, principal.tenant),
        });
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/webhook-endpoints/{id}",
      operationId: "readWebhookEndpoint",
      summary: "Read a registered address",
      parameters: [ID],
      responses: {
        200: {
          description: "The endpoint, without its secret.",
          content: { "application/json": EndpointSchema },
        },
      },
      problems: ["not_found"],
      async handle(context) {
        const row = await rowOfPath(host, context);
        return context.json(endpointDocument(row, host.platform.now()));
      },
    },
    {
      ...shared,
      method: "DELETE",
      path: "/v1/webhook-endpoints/{id}",
      operationId: "deleteWebhookEndpoint",
      summary: "Delete a registered address, and what was still to be sent",
      parameters: [ID],
      responses: { 204: { description: "It is gone." } },
      problems: ["not_found"],
      async handle(context) {
        await removeEndpoint(host, context.get("principal"), idOf(context));
        return context.body(null, 204);
      },
    },
    {
      ...shared,
      method: "POST",
      path: "/v1/webhook-endpoints/{id}/test",
      operationId: "testWebhookEndpoint",
      summary: "Send one signed message now, and see what the receiver answers",
      description:
        "The message's `type` is `endpoint.test`. It is sent once, whatever comes of it.",
      parameters: [ID],
      responses: {
        200: {
          description: "What came of it.",
          content: { "application/json": TestSchema },
        },
      },
      problems: ["not_found"],
      handle: async (context) => context.json(await sendTest(host, context)),
    },
    {
      ...shared,
      method: "POST",
      path: "/v1/webhook-endpoints/{id}/rotate",
      operationId: "rotateWebhookSecret",
      summary: "Give an address a new secret",
      description:
        "For a day each message carries two signatures: of the new secret and of the one before.",
      parameters: [ID],
      responses: {
        200: {
          description: "The new secret.",
          content: { "application/json": RotationSchema },
        },
      },
      problems: ["not_found"],
      async handle(context) {
        const principal = context.get("principal");
        context.header("Cache-Control", "no-store");
        return context.json(await rotateSecret(host, principal, idOf(context)));
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/webhook-endpoints/{id}/deliveries",
      operationId: "listDeliveries",
      summary: "List what was sent to an address, and what came of it",
      parameters: DELIVERIES_PARAMETERS,
      responses: {
        200: {
          description: "The newest first.",
          content: { "application/json": DeliveryListSchema },
        },
      },
      problems: ["not_found", "invalid_request"],
      async handle(context) {
        const row = await rowOfPath(host, context);
        return context.json(
          await listDeliveries(host, context.get("principal"), {
            endpointId: String(row["id"]),
            status: readStatus(context.req.query("status")),
            after: context.req.query("after") ?? null,
            limit: readLimit(context.req.query("limit")),
          }),
        );
      },
    },
    {
      ...shared,
      method: "POST",
      path: "/v1/deliveries/{id}/replay",
      operationId: "replayDelivery",
      summary: "Send a delivery again, dead or not",
      description:
        "With the same `webhook-id` and body (an `image_url` is signed anew), and all its attempts again.",
      parameters: [
        {
          name: "id",
          in: "path",
          description: "The delivery's id: the `webhook-id` of its message.",
        },
      ],
      responses: {
        202: {
          description: "It will be sent.",
          content: { "application/json": DeliverySchema },
        },
      },
      problems: ["not_found"],
      async handle(context) {
        const id = idOf(context);
        const principal = context.get("principal");
        const delivery = await replayDelivery(host, principal, id);
        await hint(host, [{ kind: "delivery", id }]);
        return context.json(delivery, 202);
      },
    },
  ];
}

function idOf(context: AppContext): string {
  return context.req.param("id") ?? "";
}

async function rowOfPath(host: Host, context: AppContext) {
  return await findEndpoint(host, context.get("principal"), idOf(context));
}

async function sendTest(
  host: Host,
  context: AppContext,
): Promise<v.InferOutput<typeof TestSchema>> {
  const row = await rowOfPath(host, context);
  const startedMs = host.platform.now();
  const webhookId = host.platform.id("msg");
  const { isDelivered, status, error, answer } = await sendWebhook(host, {
    traceparent: context.get("traceparent"),
    id: webhookId,
    url: String(row["url"]),
    body: JSON.stringify({
      type: "endpoint.test",
      timestamp: new Date(startedMs).toISOString(),
      data: { endpoint_id: String(row["id"]) },
    }),
    secrets: await signingSecrets(host, row),
  });
  return {
    delivered: isDelivered,
    webhook_id: webhookId,
    status,
    error,
    answer,
    duration_ms: Math.round(host.platform.now() - startedMs),
  };
}

function readStatus(text: string | undefined): DeliveryState | null {
  if (text === undefined) return null;
  const status = DELIVERY_STATES.find((one) => one === text);
  if (status !== undefined) return status;
  const detail = `one of ${DELIVERY_STATES.join(", ")}`;
  throw new FlorenceError(
    "invalid_request",
    `status is ${JSON.stringify(text.slice(0, 40))}; it takes ${detail}.`,
    { errors: [{ pointer: "/status", detail }] },
  );
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return MAX_PAGE;
  const limit = /^\d{1,3}$/u.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_PAGE) return limit;
  const detail = `a whole number from 1 to ${MAX_PAGE}`;
  throw new FlorenceError(
    "invalid_request",
    `limit is ${JSON.stringify(text.slice(0, 40))}; it takes ${detail}.`,
    { errors: [{ pointer: "/limit", detail }] },
  );
}
