// API keys: made once, shown once, kept as a hash, revoked at once. A key reads
// `fk_`, the part of its id after `key_`, `_`, and 256 random bits.

import type { Host } from "../host.ts";
import { sql, type Row, type Statement } from "../ports/database.ts";
import type { Scope } from "../principal.ts";
import { equalHashes, sha256Text } from "./hashes.ts";

/** What these functions need of a host. */
export type KeyHost = Pick<Host, "database" | "platform">;

/** What a key may do, and who has it. */
export interface KeyGrant {
  readonly tenant: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** Null: the service's own. */
  readonly ratePerMinute: number | null;
  readonly imagesPerMonth: number | null;
  /** Null: never. */
  readonly expiresMs: number | null;
}

/** A key as it is kept: its secret is not. */
export interface ApiKey extends KeyGrant {
  readonly id: string;
  readonly createdMs: number;
  readonly revokedMs: number | null;
}

const KEY = /^fk_([A-Za-z0-9]{1,64})_[\w-]{43}$/u;

/**
 * Makes a key.
 *
 * @returns the key, and the secret that nobody can read again.
 */
export async function createApiKey(
  host: KeyHost,
  grant: KeyGrant,
): Promise<{ readonly key: ApiKey; readonly secret: string }> {
  const id = host.platform.id("key");
  const random = crypto.getRandomValues(new Uint8Array(32));
  const secret = `fk_${id.slice("key_".length)}_${base64Url(random)}`;
  const key = {
    ...grant,
    id,
    createdMs: host.platform.now(),
    revokedMs: null,
  };
  await host.database.batch([
    sql`INSERT INTO api_keys (id, tenant, name, hash, scopes, rate_per_minute,
        images_per_month, created_ms, expires_ms)
      VALUES (${id}, ${key.tenant}, ${key.name},
        ${await sha256Text(host, secret)}, ${JSON.stringify(key.scopes)},
        ${key.ratePerMinute}, ${key.imagesPerMonth}, ${key.createdMs},
        ${key.expiresMs})`,
  ]);
  return { key, secret };
}

/**
 * The key of a secret, expired and revoked ones too; null if it is none of
 * ours. What cannot be a key costs no look at the database.
 */
export async function findApiKey(
  host: KeyHost,
  secret: string,
): Promise<ApiKey | null> {
  const [, part] = KEY.exec(secret) ?? [];
  if (part === undefined) return null;
  const hash = await sha256Text(host, secret);
  const [row] = await host.database.all(
    sql`SELECT * FROM api_keys WHERE id = ${`key_${part}`}`,
  );
  if (row === undefined) return null;
  return equalHashes(String(row["hash"]), hash) ? keyOfRow(row) : null;
}

/**
 * One key by its id.
 *
 * @param tenant whose it must be; null for anybody's.
 */
export async function readApiKey(
  host: KeyHost,
  id: string,
  tenant: string | null,
): Promise<ApiKey | null> {
  const [row] = await host.database.all(
    sql`SELECT * FROM api_keys WHERE id = ${id} AND ${ofTenant(tenant)}`,
  );
  return row === undefined ? null : keyOfRow(row);
}

/**
 * Keys in the order they were made, revoked ones too.
 *
 * @param page what to read: `after` is the id of the last key of the page
 *   before, null for the first; `limit` -1 reads all.
 */
export async function listApiKeys(
  host: KeyHost,
  page: {
    readonly tenant: string | null;
    readonly after: string | null;
    readonly limit: number;
  },
): Promise<readonly ApiKey[]> {
  const start =
    page.after === null
      ? sql`TRUE`
      : sql`(created_ms, id) > (SELECT created_ms, id FROM api_keys WHERE id = ${page.after})`;
  const rows = await host.database.all(
    sql`SELECT * FROM api_keys WHERE ${ofTenant(page.tenant)} AND ${start}
      ORDER BY created_ms, id LIMIT ${page.limit}`,
  );
  return rows.map(keyOfRow);
}

/** Revokes a key, once; the caller knows that it is there. */
export async function revokeApiKey(host: KeyHost, id: string): Promise<void> {
  await host.database.batch([
    sql`UPDATE api_keys SET revoked_ms = ${host.platform.now()}
      WHERE id = ${id} AND revoked_ms IS NULL`,
  ]);
}

function ofTenant(tenant: string | null): Statement {
  return tenant === null ? sql`TRUE` : sql`tenant = ${tenant}`;
}

/** Columns hold what `createApiKey` wrote. */
function keyOfRow(row: Row): ApiKey {
  return {
    id: String(row["id"]),
    tenant: String(row["tenant"]),
    name: String(row["name"]),
    scopes: JSON.parse(String(row["scopes"])) as Scope[],
    ratePerMinute: numberOrNull(row["rate_per_minute"]),
    imagesPerMonth: numberOrNull(row["images_per_month"]),
    createdMs: Number(row["created_ms"]),
    expiresMs: numberOrNull(row["expires_ms"]),
    revokedMs: numberOrNull(row["revoked_ms"]),
  };
}

function numberOrNull(value: Row[string] | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
