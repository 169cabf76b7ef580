// API keys over HTTP, for scope `admin`. A key with that scope sees the keys of
// its own tenant; the service's `admin_key` those of all.

import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import type { AppContext, Operation, Parameter } from "../operation.ts";
import { readJsonBody } from "../read-json-body.ts";
import type { Principal } from "../principal.ts";
import {
  createApiKey,
  listApiKeys,
  readApiKey,
  revokeApiKey,
  type ApiKey,
  type KeyGrant,
} from "./api-keys.ts";
import { ADMIN_TENANT, DEFAULT_TENANT } from "./admin-key.ts";
import {
  CreatedKeySchema,
  keyDocument,
  keyGrant,
  KeyListSchema,
  KeySchema,
  NewKeySchema,
  type NewKey,
} from "./key-document.ts";

const MAX_BODY_BYTES = 10_000;
const PAGE_LIMIT = 100;

const ID: Parameter = {
  name: "id",
  in: "path",
  description: "The key's id, not its secret.",
};

export function keyOperations(host: Host): readonly Operation[] {
  const shared = { tag: "Keys", access: "admin" } as const;
  return [
    {
      ...shared,
      method: "POST",
      path: "/v1/keys",
      operationId: "createKey",
      summary: "Make an API key",
      description:
        "The answer has the key; nobody can read it again. The service keeps a hash.",
      body: {
        isRequired: true,
        content: { "application/json": NewKeySchema },
      },
      responses: {
        201: {
          description: "The key, shown this once.",
          content: { "application/json": CreatedKeySchema },
        },
      },
      problems: ["invalid_request"],
      async handle(context) {
        const asked = await readJsonBody(context.req.raw, NewKeySchema, {
          maxBytes: MAX_BODY_BYTES,
        });
        const grant = grantOf(asked, context.get("principal"), host);
        const { key, secret } = await createApiKey(host, grant);
        // No cache on the way may keep a secret.
        context.header("Cache-Control", "no-store");
        return context.json({ ...keyDocument(key), key: secret }, 201);
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/keys",
      operationId: "listKeys",
      summary: "List API keys, revoked ones too",
      parameters: [
        {
          name: "limit",
          in: "query",
          description: `Keys in one answer; ${PAGE_LIMIT} if left out.`,
          schema: { type: "integer", minimum: 1, maximum: PAGE_LIMIT },
        },
        {
          name: "after",
          in: "query",
          description: "Id of the last key of the page before.",
        },
      ],
      responses: {
        200: {
          description: "Keys in the order they were made, without secrets.",
          content: { "application/json": KeyListSchema },
        },
      },
      problems: ["invalid_request", "not_found"],
      async handle(context) {
        const limit = readLimit(context.req.query("limit"));
        const after = context.req.query("after") ?? null;
        const tenant = tenantSeenBy(context.get("principal"));
        if (after !== null && (await readApiKey(host, after, tenant)) === null)
          throw noSuchKey(after);
        const keys = await listApiKeys(host, {
          tenant,
          after,
          limit: limit + 1,
        });
        return context.json({
          object: "list",
          data: keys.slice(0, limit).map(keyDocument),
          has_more: keys.length > limit,
        });
      },
    },
    {
      ...shared,
      method: "GET",
      path: "/v1/keys/{id}",
      operationId: "readKey",
      summary: "Read what a key may do",
      parameters: [ID],
      responses: {
        200: {
          description: "The key, without its secret.",
          content: { "application/json": KeySchema },
        },
      },
      problems: ["not_found"],
      handle: async (context) =>
        context.json(keyDocument(await keyOfPath(host, context))),
    },
    {
      ...shared,
      method: "DELETE",
      path: "/v1/keys/{id}",
      operationId: "revokeKey",
      summary: "Revoke a key, at once and for good",
      description: "It stays in the list. Revoking it again changes nothing.",
      parameters: [ID],
      responses: { 204: { description: "It is revoked." } },
      problems: ["not_found"],
      async handle(context) {
        await revokeApiKey(host, (await keyOfPath(host, context)).id);
        return context.body(null, 204);
      },
    },
  ];
}

function grantOf(
  asked: NewKey,
  principal: Principal,
  { platform }: Host,
): KeyGrant {
  const seen = tenantSeenBy(principal);
  if (seen !== null && asked.tenant !== undefined && asked.tenant !== seen) {
    const detail = `this key makes keys of tenant ${seen} only; leave tenant out, or use the service's admin_key`;
    throw new FlorenceError("invalid_request", `tenant: ${detail}.`, {
      errors: [{ pointer: "/tenant", detail }],
    });
  }
  return keyGrant(asked, seen ?? DEFAULT_TENANT, platform.now());
}

async function keyOfPath(host: Host, context: AppContext): Promise<ApiKey> {
  const id = context.req.param("id") ?? "";
  const tenant = tenantSeenBy(context.get("principal"));
  const key = await readApiKey(host, id, tenant);
  if (key === null) throw noSuchKey(id);
  return key;
}

/** Whose keys a principal sees; null for everybody's. */
function tenantSeenBy({ tenant }: Principal): string | null {
  return tenant === ADMIN_TENANT ? null : tenant;
}

function readLimit(text: string | undefined): number {
  if (text === undefined) return PAGE_LIMIT;
  const limit = /^\d{1,3}$/u.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= PAGE_LIMIT) return limit;
  throw new FlorenceError(
    "invalid_request",
    `limit is "${text.slice(0, 40)}"; it takes a whole number from 1 to ${PAGE_LIMIT}.`,
  );
}

function noSuchKey(id: string): FlorenceError {
  return new FlorenceError(
    "not_found",
    `There is no key ${id.slice(0, 100)}. GET /v1/keys lists those there are.`,
  );
}
