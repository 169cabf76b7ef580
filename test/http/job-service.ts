// A service with jobs whose clock and queue a test works by hand.

import assert from "node:assert/strict";
import { sql } from "../../src/http/ports/database.ts";
import type { Service } from "../../src/http/service.ts";
import { createCheckedService } from "./checked-service.ts";
import {
  createFakeHost,
  type FakeHost,
  type FakeHostOptions,
} from "../fakes/fake-host.ts";
import { PHOTO } from "./bad-images.ts";

/** A service whose clock is set by hand. */
export interface Started {
  readonly host: FakeHost;
  readonly service: Service;
  readonly clock: { nowMs: number };
  /** Sends a request with a JSON body, or none. */
  readonly request: (
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>;
  /** Consumes what the queue was given until nothing is left. */
  readonly drain: () => Promise<void>;
}

export async function start(options: FakeHostOptions = {}): Promise<Started> {
  const clock = { nowMs: Date.UTC(2026, 10, 25) };
  const host = await createFakeHost({ now: () => clock.nowMs, ...options });
  const service = createCheckedService(host);
  return {
    host,
    service,
    clock,
    request: async (method, path, body, headers = {}) =>
      await service.app.request(path, {
        method,
        headers: { "Content-Type": "application/json", ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    async drain() {
      for (;;) {
        const message = host.sent.shift();
        if (message === undefined) return;
        await service.consume(message);
      }
    },
  };
}

export interface ReadJob {
  readonly id: string;
  readonly status: string;
  readonly progress: Readonly<Record<string, number>>;
  readonly url: string;
  readonly next_after?: number;
  readonly results: readonly {
    readonly index: number;
    readonly status: string;
    readonly analysis?: {
      readonly id: string;
      readonly metadata: unknown;
      readonly results: readonly { readonly task: string }[];
    };
    readonly problem?: { readonly code: string };
  }[];
}

export async function readJob(
  response: Response,
  status = 200,
): Promise<ReadJob> {
  assert.equal(response.status, status, await response.clone().text());
  return (await response.json()) as ReadJob;
}

export const BASE64 = Buffer.from(PHOTO).toString("base64");

export const ASKED = {
  image: { base64: BASE64 },
  tasks: [{ task: "caption" }, { task: "detect" }],
  metadata: { order: "A-17" },
};

export async function count(host: FakeHost, table: string): Promise<number> {
  const [row] = await host.database.all({
    text: `SELECT count(*) AS rows FROM ${table}`,
    values: [],
  });
  return Number(row?.["rows"]);
}

export async function usedImages(host: FakeHost): Promise<number> {
  const [row] = await host.database.all(
    sql`SELECT coalesce(sum(used), 0) AS used FROM usage_windows WHERE kind = 'images'`,
  );
  return Number(row?.["used"]);
}
