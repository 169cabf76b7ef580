// An API key as requests, answers and the command line have it.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { TenantSchema } from "../config.ts";
import { SCOPES } from "../principal.ts";
import type { ApiKey, KeyGrant } from "./api-keys.ts";

const Name = v.pipe(
  v.string(),
  v.trim(),
  v.minLength(1, "1 to 100 characters"),
  v.maxLength(100, "1 to 100 characters"),
);

const Scopes = v.pipe(
  v.array(v.picklist(SCOPES)),
  v.minLength(1, `at least one of ${SCOPES.join(", ")}`),
  v.maxLength(SCOPES.length, "each scope once"),
  v.check(
    (scopes) => new Set(scopes).size === scopes.length,
    "each scope once",
  ),
);

const PositiveInteger = v.pipe(
  v.number(),
  v.integer("a whole number"),
  v.minValue(1, "from 1"),
  v.maxValue(1_000_000_000, "to 1,000,000,000"),
);

/** Body of `POST /v1/keys`. */
export const NewKeySchema = v.strictObject({
  /** What it is for; shown in lists. */
  name: v.optional(Name, "unnamed"),
  scopes: Scopes,
  /**
   * The caller's own if left out, `default` for `admin_key`, which alone may
   * name any.
   */
  tenant: v.exactOptional(TenantSchema),
  /** ISO 8601 with a time zone; never if left out. */
  expires_at: v.exactOptional(
    v.pipe(v.string(), v.isoTimestamp("a time such as 2027-01-31T12:00:00Z")),
  ),
  rate_per_minute: v.exactOptional(PositiveInteger),
  images_per_month: v.exactOptional(PositiveInteger),
});

export type NewKey = v.InferOutput<typeof NewKeySchema>;

const Time = v.pipe(v.string(), v.isoTimestamp());

/** A key; its secret is not part of it. */
export const KeySchema = v.object({
  id: v.string(),
  object: v.literal("api_key"),
  name: v.string(),
  tenant: v.string(),
  scopes: v.array(v.picklist(SCOPES)),
  rate_per_minute: v.nullable(v.number()),
  images_per_month: v.nullable(v.number()),
  created: Time,
  expires_at: v.nullable(Time),
  revoked_at: v.nullable(Time),
});

export type KeyDocument = v.InferOutput<typeof KeySchema>;

/** Answer of `POST /v1/keys`, the only one with the secret. */
export const CreatedKeySchema = v.object({
  ...KeySchema.entries,
  /** Sent as `Authorization: Bearer`. */
  key: v.string(),
});

export const KeyListSchema = v.object({
  object: v.literal("list"),
  data: v.array(KeySchema),
  has_more: v.boolean(),
});

/**
 * What a new key may do.
 *
 * @param tenant whose it is if `asked` does not say.
 * @throws FlorenceError `invalid_request` for an expiry that has passed.
 */
export function keyGrant(
  asked: NewKey,
  tenant: string,
  nowMs: number,
): KeyGrant {
  const expiresMs =
    asked.expires_at === undefined ? null : Date.parse(asked.expires_at);
  if (expiresMs !== null && !(expiresMs > nowMs)) {
    const detail = "must lie in the future";
    throw new FlorenceError("invalid_request", `expires_at ${detail}.`, {
      errors: [{ pointer: "/expires_at", detail }],
    });
  }
  return {
    tenant: asked.tenant ?? tenant,
    name: asked.name,
    scopes: asked.scopes,
    ratePerMinute: asked.rate_per_minute ?? null,
    imagesPerMonth: asked.images_per_month ?? null,
    expiresMs,
  };
}

/** The document of a key. */
export function keyDocument(key: ApiKey): KeyDocument {
  return {
    id: key.id,
    object: "api_key",
    name: key.name,
    tenant: key.tenant,
    scopes: [...key.scopes],
    rate_per_minute: key.ratePerMinute,
    images_per_month: key.imagesPerMonth,
    created: isoTime(key.createdMs),
    expires_at: key.expiresMs === null ? null : isoTime(key.expiresMs),
    revoked_at: key.revokedMs === null ? null : isoTime(key.revokedMs),
  };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
