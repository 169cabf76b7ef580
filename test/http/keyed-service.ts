// A service that asks for keys, and requests with them.

import {
  createApiKey,
  type ApiKey,
  type KeyGrant,
} from "../../src/http/auth/api-keys.ts";
import { SCOPES } from "../../src/http/principal.ts";
import type { Service } from "../../src/http/service.ts";
import { createCheckedService } from "./checked-service.ts";
import {
  createFakeHost,
  type FakeHost,
  type FakeHostOptions,
} from "../fakes/fake-host.ts";

/** `admin_key` of these services. */
export const ADMIN_KEY = "the-admin-key-of-the-tests-0123456789";

export interface KeyedService {
  readonly host: FakeHost;
  readonly service: Service;
  /** Makes a key; of tenant `one`, with every scope but `admin`. */
  readonly makeKey: (
    grant?: Partial<KeyGrant>,
  ) => Promise<{ readonly key: ApiKey; readonly secret: string }>;
  /** A request with a key; without one where `bearer` is null. */
  readonly ask: (
    bearer: string | null,
    path: string,
    init?: RequestInit,
  ) => Promise<Response>;
}

export async function createKeyedService(
  options: FakeHostOptions = {},
): Promise<KeyedService> {
  const host = await createFakeHost({
    ...options,
    config: { open_mode: false, admin_key: ADMIN_KEY, ...options.config },
  });
  const service = createCheckedService(host);
  return {
    host,
    service,
    makeKey: (grant = {}) =>
      createApiKey(host, {
        tenant: "one",
        name: "test",
        scopes: SCOPES.filter((scope) => scope !== "admin"),
        ratePerMinute: null,
        imagesPerMonth: null,
        expiresMs: null,
        ...grant,
      }),
    async ask(bearer, path, init = {}) {
      const headers = new Headers(init.headers);
      if (bearer !== null) headers.set("Authorization", `Bearer ${bearer}`);
      return await service.app.request(path, { ...init, headers });
    },
  };
}

/** A POST of JSON. */
export function postJson(
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): RequestInit {
  return {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
}
