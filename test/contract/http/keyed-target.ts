// What every real host of the HTTP contract has in common: it asks for keys, and
// keys of two tenants are made as their owner would.

import { HOOKS } from "./hook-settings.ts";
import type { HttpTarget } from "./http-case.ts";

/** Makes keys; known to tests only. */
export const ADMIN_KEY = "an-admin-key-of-the-tests-0123456789";

/** Settings of a host that asks for keys; more may be joined to them. */
export const KEYED_SETTINGS: Readonly<Record<string, string>> = {
  FLORENCE_ADMIN_KEY: ADMIN_KEY,
  FLORENCE_RATE_PER_MINUTE: "100000",
  FLORENCE_ADDRESS_EXEMPTIONS: '["127.0.0.1","localhost"]',
  FLORENCE_HOOKS: HOOKS,
  FLORENCE_BUCKET_TASKS: '{"first":[{"task":"caption"}]}',
};

/** A target on a host of its own; its starter closes it. */
export interface ClosableTarget extends HttpTarget {
  close(): Promise<void>;
}

/** The part of a target that is the same everywhere, its keys made. */
export async function keyedTarget(
  origin: string,
): Promise<Pick<HttpTarget, "origin" | "fetch" | "keys">> {
  return {
    origin,
    // A connection each: a host may close one after a body it did not want to the
    // end, and the next request on it would fail.
    fetch: (path, init) => {
      const headers = new Headers(init?.headers);
      headers.set("Connection", "close");
      return fetch(origin + path, { ...init, headers });
    },
    keys: {
      first: await makeKey(origin, "first"),
      second: await makeKey(origin, "second"),
      admin: ADMIN_KEY,
    },
  };
}

/** Makes a key of a tenant, with every scope but `admin`. */
async function makeKey(origin: string, tenant: string): Promise<string> {
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
