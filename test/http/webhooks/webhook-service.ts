// A service whose receivers are scripted and whose queue keeps to the clock,
// which a test sets by hand.

import type { WorkMessage } from "../../../src/http/ports/work-queue.ts";
import type { Service } from "../../../src/http/service.ts";
import { createCheckedService } from "../checked-service.ts";
import {
  createFakeHost,
  type FakeHost,
  type FakeHostOptions,
} from "../../fakes/fake-host.ts";

/** A POST that a receiver got. */
export interface ReceivedWebhook {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface WebhookService {
  readonly host: FakeHost;
  readonly service: Service;
  readonly clock: { nowMs: number };
  readonly received: ReceivedWebhook[];
  /** How receivers answer from now on. */
  answer: (request: Request) => Response | Promise<Response>;
  /** Whether the queue drops a message from now on. */
  isLost: (message: WorkMessage) => boolean;
  /** With JSON, or bytes as they are. */
  readonly request: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>;
  /** Consumes what is due, and what comes of it, until nothing is due. */
  readonly drain: () => Promise<void>;
  /** Moves the clock from message to message, up to a time. */
  readonly runUntil: (ms: number) => Promise<void>;
}

export async function startWebhookService(
  options: FakeHostOptions = {},
): Promise<WebhookService> {
  const clock = { nowMs: Date.now() };
  const received: ReceivedWebhook[] = [];
  const queued: { readonly dueMs: number; readonly message: WorkMessage }[] =
    [];
  const fake = await createFakeHost({
    now: () => clock.nowMs,
    onFailure: (error) => {
      throw error as Error;
    },
    outbound: {
      fetch: async (request) => {
        received.push({
          url: request.url,
          headers: Object.fromEntries(request.headers),
          body: await request.clone().text(),
        });
        return await started.answer(request);
      },
    },
    ...options,
  });
  const host: FakeHost = {
    ...fake,
    queue: {
      send(messages, { delaySeconds = 0 } = {}) {
        const dueMs = clock.nowMs + delaySeconds * 1000;
        const kept = messages.filter((message) => !started.isLost(message));
        queued.push(...kept.map((message) => ({ dueMs, message })));
        return Promise.resolve();
      },
    },
  };
  const service = createCheckedService(host);
  const drain = async (): Promise<void> => {
    for (;;) {
      const at = queued.findIndex(({ dueMs }) => dueMs <= clock.nowMs);
      if (at === -1) return;
      const [next] = queued.splice(at, 1);
      await service.consume(next!.message);
    }
  };
  const started: WebhookService = {
    host,
    service,
    clock,
    received,
    answer: () => new Response(null, { status: 204 }),
    isLost: () => false,
    request: async (method, path, body, headers = {}) =>
      await service.app.request(path, {
        method,
        headers: {
          ...(body instanceof Uint8Array
            ? {}
            : { "Content-Type": "application/json" }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : {
              body:
                body instanceof Uint8Array
                  ? new Uint8Array(body)
                  : JSON.stringify(body),
            }),
      }),
    drain,
    async runUntil(ms) {
      for (;;) {
        await drain();
        const next = Math.min(...queued.map(({ dueMs }) => dueMs));
        if (next > ms) break;
        clock.nowMs = next;
      }
      clock.nowMs = ms;
    },
  };
  return started;
}

/** A job of one photo in base64. */
export function jobBody(
  photo: Uint8Array,
  more: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    image: { base64: Buffer.from(photo).toString("base64") },
    tasks: [{ task: "caption" }],
    ...more,
  };
}
