// The product's Worker in workerd as a target of the HTTP contract: keys are
// asked for, and those of two tenants are made as their owner would.

import { HOOKS } from "../contract/http/hook-settings.ts";
import type { HttpTarget } from "../contract/http/http-case.ts";
import { startEdgeWorker, type WorkerProcess } from "./worker-process.ts";

/** Makes keys; known to tests only. */
export const ADMIN_KEY = "an-admin-key-of-the-tests-0123456789";

/** Settings of a Worker that asks for keys; more may be joined to them. */
export const KEYED_SETTINGS: Readonly<Record<string, string>> = {
  FLORENCE_PUBLIC_URL: "http://localhost:8787",
  FLORENCE_SECRET: "a secret of the tests, long enough",
  FLORENCE_ADMIN_KEY: ADMIN_KEY,
  FLORENCE_RATE_PER_MINUTE: "100000",
  FLORENCE_ADDRESS_EXEMPTIONS: '["127.0.0.1","localhost"]',
  FLORENCE_HOOKS: HOOKS,
};

/** A Worker with keys of two tenants; its starter closes it. */
export interface WorkerdTarget extends HttpTarget {
  readonly worker: WorkerProcess;
  close(): Promise<void>;
}

/** @param settings over `KEYED_SETTINGS`. */
export async function startWorkerdTarget(
  settings: Readonly<Record<string, string>> = {},
): Promise<WorkerdTarget> {
  const worker = await startEdgeWorker({ ...KEYED_SETTINGS, ...settings });
  try {
    const origin = worker.url.origin;
    return {
      worker,
      origin,
      host: "workerd",
      fetch: (path, init) => fetch(origin + path, init),
      keys: {
        first: await makeKey(origin, "first"),
        second: await makeKey(origin, "second"),
        admin: ADMIN_KEY,
      },
      close: () => worker.close(),
    };
  } catch (error) {
    await worker.close();
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
      name: "contract",
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
