// Where events are sent.

import type {
  Delivery,
  DeliveryList,
  NewWebhookEndpoint,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
} from "./schemas.ts";
import type { CallOptions, Transport } from "./transport.ts";

export interface Webhooks {
  /** Registers an address; once more, it gives the same endpoint. */
  create(
    endpoint: NewWebhookEndpoint,
    options?: CallOptions,
  ): Promise<WebhookEndpointWithSecret>;
  list(options?: CallOptions): Promise<readonly WebhookEndpoint[]>;
  get(id: string, options?: CallOptions): Promise<WebhookEndpoint>;
  delete(id: string, options?: CallOptions): Promise<void>;
  /** Sends a delivery now and tells what came of it. */
  test(id: string, options?: CallOptions): Promise<unknown>;
  /** A new secret; the old one signs, too, until `previous_valid_until`. */
  rotate(
    id: string,
    options?: CallOptions,
  ): Promise<{
    readonly secret: string;
    readonly previous_valid_until: string;
  }>;
  deliveries(
    id: string,
    options?: CallOptions & { readonly status?: Delivery["status"] },
  ): Promise<DeliveryList>;
  /** Sends a delivery once more. */
  replay(deliveryId: string, options?: CallOptions): Promise<Delivery>;
}

export function createWebhooks(transport: Transport): Webhooks {
  const path = "/v1/webhook-endpoints";
  const below = (id: string, rest = ""): string =>
    `${path}/${encodeURIComponent(id)}${rest}`;
  return {
    async create(json, options = {}) {
      const response = await transport.send(path, {
        ...options,
        method: "POST",
        json,
      });
      return (await response.json()) as WebhookEndpointWithSecret;
    },
    async list(options) {
      const response = await transport.send(path, options);
      const { data } = (await response.json()) as {
        readonly data: readonly WebhookEndpoint[];
      };
      return data;
    },
    async get(id, options) {
      const response = await transport.send(below(id), options);
      return (await response.json()) as WebhookEndpoint;
    },
    async delete(id, options = {}) {
      await transport.send(below(id), { ...options, method: "DELETE" });
    },
    async test(id, options = {}) {
      const response = await transport.send(below(id, "/test"), {
        ...options,
        method: "POST",
      });
      return (await response.json()) as unknown;
    },
    async rotate(id, options = {}) {
      const response = await transport.send(below(id, "/rotate"), {
        ...options,
        method: "POST",
      });
      return (await response.json()) as {
        readonly secret: string;
        readonly previous_valid_until: string;
      };
    },
    async deliveries(id, { status, ...options } = {}) {
      const query = status === undefined ? "" : `?status=${status}`;
      const response = await transport.send(
        below(id, `/deliveries${query}`),
        options,
      );
      return (await response.json()) as DeliveryList;
    },
    async replay(deliveryId, options = {}) {
      const response = await transport.send(
        `/v1/deliveries/${encodeURIComponent(deliveryId)}/replay`,
        { ...options, method: "POST" },
      );
      return (await response.json()) as Delivery;
    },
  };
}
