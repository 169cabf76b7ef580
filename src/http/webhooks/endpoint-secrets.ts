// Secrets that sign deliveries: of an endpoint, sealed in the database; of a
// tenant's bare callback addresses, made of the service's own.

import { toBase64 } from "../../shared/render/base64.ts";
import type { Host } from "../host.ts";
import type { Row } from "../ports/database.ts";
import { deriveBytes, seal, unseal } from "../seal.ts";

function purposeOf(endpointId: string): string {
  return `webhook-endpoint:${endpointId}`;
}

export async function sealSecret(
  { config }: Host,
  endpointId: string,
  secret: string,
): Promise<string> {
  return await seal(config.secret, purposeOf(endpointId), secret);
}

/** An endpoint's current secret; null if the service's own has changed since. */
export async function currentSecret(
  { config }: Host,
  row: Row,
): Promise<string | null> {
  const purpose = purposeOf(String(row["id"]));
  return await unseal(config.secret, purpose, String(row["secret"]));
}

/** What an endpoint's deliveries are signed with now: one secret or two. */
export async function signingSecrets(
  host: Host,
  row: Row,
): Promise<readonly string[]> {
  const current = await currentSecret(host, row);
  const until = Number(row["previous_valid_until_ms"] ?? 0);
  if (row["previous_secret"] === null || until <= host.platform.now()) {
    return current === null ? [] : [current];
  }
  const previous = await unseal(
    host.config.secret,
    purposeOf(String(row["id"])),
    String(row["previous_secret"]),
  );
  return [current, previous].filter((secret) => secret !== null);
}

/**
 * What signs deliveries to callback addresses that the tenant has not
 * registered. It changes only with the service's own secret.
 */
export async function callbackSecret(
  { config }: Host,
  tenant: string,
): Promise<string> {
  const bytes = await deriveBytes(config.secret, `callback:${tenant}`);
  return `whsec_${toBase64(bytes)}`;
}
