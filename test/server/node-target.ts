// `florence serve` as a target of the HTTP contract: keys are asked for, and
// those of two tenants are made as their owner would.

import { HOOKS } from "../contract/http/hook-settings.ts";
import type { HttpTarget } from "../contract/http/http-case.ts";
import {
  startServerProcess,
  type ServerProcess,
  type ServerProcessOptions,
} from "./server-process.ts";

/** Makes keys; known to tests only. */
export const ADMIN_KEY = "an-admin-key-of-the-tests-0123456789";

/** Settings of a server that asks for keys; more may be joined to them. */
export const KEYED_SETTINGS: Readonly<Record<string, string>> = {
  FLORENCE_ADMIN_KEY: ADMIN_KEY,
  FLORENCE_RATE_PER_MINUTE: "100000",
  FLORENCE_ADDRESS_EXEMPTIONS: '["127.0.0.1","localhost"]',
  FLORENCE_HOOKS: HOOKS,
};

/** A server with keys of two tenants; its starter closes it. */
export interface NodeTarget extends HttpTarget {
  readonly server: ServerProcess;
  close(): Promise<void>;
}

/** @param options `env` is joined to `KEYED_SETTINGS`. */
export async function startNodeTarget(
  options: ServerProcessOptions = {},
): Promise<NodeTarget> {
  const server = await startServerProcess({
    ...options,
    env: { ...KEYED_SETTINGS, ...options.env },
  });
  try {
    const { origin } = server;
    return {
      server,
      origin,
      host: "node",
      fetch: (path, init) => fetch(origin + path, init),
      keys: {
        first: await makeKey(origin, "first"),
        second: await makeKey(origin, "second"),
        admin: ADMIN_KEY,
      },
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** Makes a key of a tenant, with every scope but `admin`. */
export async function makeKey(origin: string, tenant: string): Promise<string> {
  const response = await fetch(`${origin}/v1/keys`, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${ADMIN_KEY}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({
      tenant,
      scopes: ["analyze", "jobs", "uploads", "webhooks"],
    }),
  });
  const text = await response.text();
  if (response.status !== 201) {
    throw new Error(`POST /v1/keys: ${response.status} ${text}`);
  }
  const { key } = JSON.parse(text) as { readonly key?: unknown };
  if (typeof key !== "string") throw new Error(`no key in ${text}`);
  return key;
}
