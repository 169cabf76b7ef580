// The HTTP contract's target over an app in this process, its model scripted.

import { createApiKey } from "../../src/http/auth/api-keys.ts";
import type { Host } from "../../src/http/host.ts";
import type { App } from "../../src/http/operation.ts";
import { SCOPES, type Scope } from "../../src/http/principal.ts";
import type { HttpTarget } from "../contract/http/http-case.ts";

/** A target with API keys in the host's database. */
export async function appTarget(app: App, host: Host): Promise<HttpTarget> {
  const usual = SCOPES.filter((scope) => scope !== "admin");
  const key = async (
    tenant: string,
    scopes: readonly Scope[],
  ): Promise<string> => {
    const { secret } = await createApiKey(host, {
      tenant,
      name: "contract",
      scopes,
      ratePerMinute: null,
      imagesPerMonth: null,
      expiresMs: null,
    });
    return secret;
  };
  return {
    origin: "http://florence.test",
    host: "node",
    keys: {
      first: await key("first", usual),
      second: await key("second", usual),
      admin: await key("first", SCOPES),
    },
    fetch: async (path, init) =>
      await app.request(`http://florence.test${path}`, init),
    putBucket: (name, bytes) =>
      host.bucket.put(name, bytes, "application/octet-stream"),
    sendBucketEvent: null,
    write: async (statement) => {
      await host.database.batch([statement]);
    },
  };
}
