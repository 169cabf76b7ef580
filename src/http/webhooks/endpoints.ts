// Registered receivers of a tenant. A registration is never deleted but by its
// tenant, however long its receiver is down.

import { FlorenceError } from "../../shared/errors.ts";
import { newWebhookSecret } from "../../shared/webhooks/standard-webhook.ts";
import type { Host } from "../host.ts";
import { checkAddress } from "../outbound/address-rules.ts";
import { sql, type Row } from "../ports/database.ts";
import type { Principal } from "../principal.ts";
import {
  endpointDocument,
  type EndpointDocument,
  type NewEndpoint,
} from "./endpoint-document.ts";
import { currentSecret, sealSecret } from "./endpoint-secrets.ts";

/** How long the secret before a rotation signs, too. */
export const GRACE_MS = 24 * 3600 * 1000;

/** Endpoints of one tenant. */
const MAX_ENDPOINTS = 100;

export interface RegisteredEndpoint extends EndpointDocument {
  readonly secret: string;
}

/**
 * Registers an address, or gives back what this key registered it as before,
 * its events and filter as they are wanted now.
 *
 * @throws FlorenceError `url_forbidden`; `invalid_request` for an unknown source
 *   or too many endpoints.
 */
export async function registerEndpoint(
  host: Host,
  { tenant, id: principal }: Principal,
  wanted: NewEndpoint,
): Promise<{ readonly endpoint: RegisteredEndpoint; readonly isNew: boolean }> {
  const { database, platform, config } = host;
  const url = checkAddress(wanted.url, config, "/url").href;
  refuseUnknownSources(host, wanted);
  const { filter } = wanted;
  const events = JSON.stringify([...new Set(wanted.events)]);
  const sources = jsonOrNull(filter.sources);
  const tasks = jsonOrNull(filter.tasks);
  const isFull = wanted.full ? 1 : 0;
  const id = platform.id("we");
  const sealed = await sealSecret(host, id, newWebhookSecret());
  const mine = sql`tenant = ${tenant} AND principal = ${principal} AND url = ${url}`;
  const [, made] = await database.batch([
    sql`UPDATE webhook_endpoints
      SET events = ${events}, sources = ${sources}, tasks = ${tasks}, is_full = ${isFull}
      WHERE ${mine}`,
    sql`INSERT INTO webhook_endpoints
        (id, tenant, principal, url, events, sources, tasks, is_full, secret, created_ms)
      SELECT ${id}, ${tenant}, ${principal}, ${url}, ${events}, ${sources},
        ${tasks}, ${isFull}, ${sealed}, ${platform.now()}
      WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoints WHERE ${mine})
        AND (SELECT count(*) FROM webhook_endpoints WHERE tenant = ${tenant}) < ${MAX_ENDPOINTS}`,
  ]);
  const [row] = await database.all(
    sql`SELECT * FROM webhook_endpoints WHERE ${mine}`,
  );
  if (row === undefined) {
    throw new FlorenceError(
      "invalid_request",
      `There are ${MAX_ENDPOINTS} webhook endpoints already, the most there may be. Delete one that is no longer used.`,
    );
  }
  const secret = (await currentSecret(host, row)) ?? (await renew(host, row));
  const document = endpointDocument(row, platform.now());
  return { endpoint: { ...document, secret }, isNew: made === 1 };
}

/** The tenant's endpoints, the oldest first. */
export async function listEndpoints(
  { database, platform }: Host,
  { tenant }: Principal,
): Promise<readonly EndpointDocument[]> {
  const rows = await database.all(
    sql`SELECT * FROM webhook_endpoints WHERE tenant = ${tenant} ORDER BY created_ms, id`,
  );
  return rows.map((row) => endpointDocument(row, platform.now()));
}

/**
 * The row of one of the tenant's endpoints.
 *
 * @throws FlorenceError `not_found`
 */
export async function findEndpoint(
  { database }: Host,
  { tenant }: Principal,
  id: string,
): Promise<Row> {
  const [row] = await database.all(
    sql`SELECT * FROM webhook_endpoints WHERE tenant = ${tenant} AND id = ${id}`,
  );
  if (row === undefined) throw endpointNotFound(id);
  return row;
}

/**
 * Deletes an endpoint and what was still to be sent to it.
 *
 * @throws FlorenceError `not_found`
 */
export async function removeEndpoint(
  { database }: Host,
  { tenant }: Principal,
  id: string,
): Promise<void> {
  const [, removed] = await database.batch([
    sql`DELETE FROM deliveries WHERE tenant = ${tenant} AND endpoint_id = ${id}`,
    sql`DELETE FROM webhook_endpoints WHERE tenant = ${tenant} AND id = ${id}`,
  ]);
  if (removed === 0) throw endpointNotFound(id);
}

/**
 * Gives an endpoint a new secret; the one before signs beside it for a day.
 *
 * @throws FlorenceError `not_found`
 */
export async function rotateSecret(
  host: Host,
  principal: Principal,
  id: string,
): Promise<{
  readonly secret: string;
  readonly previous_valid_until: string;
}> {
  const { tenant } = principal;
  const secret = newWebhookSecret();
  const sealed = await sealSecret(host, id, secret);
  const untilMs = host.platform.now() + GRACE_MS;
  const [rotated] = await host.database.batch([
    sql`UPDATE webhook_endpoints
      SET previous_secret = secret, previous_valid_until_ms = ${untilMs}, secret = ${sealed}
      WHERE tenant = ${tenant} AND id = ${id}`,
  ]);
  if (rotated === 0) throw endpointNotFound(id);
  return { secret, previous_valid_until: new Date(untilMs).toISOString() };
}

/** A new secret where the old one cannot be opened any more. */
async function renew(host: Host, row: Row): Promise<string> {
  const id = String(row["id"]);
  const secret = newWebhookSecret();
  const sealed = await sealSecret(host, id, secret);
  await host.database.batch([
    sql`UPDATE webhook_endpoints SET secret = ${sealed} WHERE id = ${id}`,
  ]);
  return secret;
}

/** A filter for a source that does not exist would never match. */
function refuseUnknownSources({ config }: Host, { filter }: NewEndpoint): void {
  const hooks = config.hooks.map(({ name }) => name);
  const known = ["upload", "r2", "api", ...hooks];
  const errors = (filter.sources ?? []).flatMap((source, index) =>
    known.includes(source)
      ? []
      : [
          {
            pointer: `/filter/sources/${index}`,
            detail: `no source; there is ${known.join(", ")}`,
          },
        ],
  );
  if (errors.length === 0) return;
  throw new FlorenceError(
    "invalid_request",
    `The filter names a source that is not there. There is ${known.join(", ")}.`,
    { errors },
  );
}

function endpointNotFound(id: string): FlorenceError {
  return new FlorenceError(
    "not_found",
    `There is no webhook endpoint ${JSON.stringify(id.slice(0, 80))}. GET /v1/webhook-endpoints lists yours.`,
  );
}

function jsonOrNull(list: readonly string[] | undefined): string | null {
  return list === undefined ? null : JSON.stringify([...new Set(list)]);
}
