// Answers kept because `options.store` asked for it.

import { FlorenceError } from "../../shared/errors.ts";
import type { Envelope } from "../../shared/schema/analysis.ts";
import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";

/** What is needed of a host. */
export type AnalysisHost = Pick<
  Host,
  "database" | "store" | "platform" | "config"
>;

/** Letters of an envelope that a row takes; a longer one becomes a blob. */
const MAX_ROW_LENGTH = 100_000;

/** Keeps an answer; it can be read as soon as this is done. */
export async function keepAnalysis(
  { database, store, platform, config }: AnalysisHost,
  envelope: Envelope,
  tenant: string,
): Promise<void> {
  const { id } = envelope;
  const body = JSON.stringify(envelope);
  const nowMs = platform.now();
  const expiresMs = nowMs + config.keep_seconds * 1000;
  const blobKey =
    body.length > MAX_ROW_LENGTH ? `analyses/${tenant}/${id}` : null;
  // The row comes first: a blob without one would stay for ever.
  await database.batch([
    sql`INSERT INTO analyses (id, tenant, body, blob_key, created_ms, expires_ms)
      VALUES (${id}, ${tenant}, ${blobKey === null ? body : null}, ${blobKey},
        ${nowMs}, ${expiresMs})`,
  ]);
  if (blobKey === null) return;
  const bytes = new TextEncoder().encode(body);
  await store.put(blobKey, bytes, "application/json");
}

/**
 * A kept answer as JSON.
 *
 * @throws FlorenceError `not_found`, `expired`.
 */
export async function readAnalysis(
  { database, store, platform }: AnalysisHost,
  id: string,
  tenant: string,
): Promise<string> {
  const [row] = await database.all(
    sql`SELECT body, blob_key, expires_ms FROM analyses
      WHERE id = ${id} AND tenant = ${tenant}`,
  );
  if (row === undefined) throw notFound(id);
  if (Number(row["expires_ms"]) <= platform.now()) throw expired(id);
  if (typeof row["body"] === "string") return row["body"];
  const blob = await store.get(String(row["blob_key"]));
  if (blob === null) throw expired(id);
  return new TextDecoder().decode(blob.bytes);
}

/**
 * Deletes a kept answer.
 *
 * @throws FlorenceError `not_found`.
 */
export async function deleteAnalysis(
  { database, store }: AnalysisHost,
  id: string,
  tenant: string,
): Promise<void> {
  const [row] = await database.all(
    sql`SELECT blob_key FROM analyses WHERE id = ${id} AND tenant = ${tenant}`,
  );
  if (row === undefined) throw notFound(id);
  const { blob_key: blobKey } = row;
  if (typeof blobKey === "string") await store.delete([blobKey]);
  await database.batch([
    sql`DELETE FROM analyses WHERE id = ${id} AND tenant = ${tenant}`,
  ]);
}

function notFound(id: string): FlorenceError {
  return new FlorenceError(
    "not_found",
    `There is no analysis ${id.slice(0, 100)}. Only those asked for with options.store are kept.`,
  );
}

function expired(id: string): FlorenceError {
  return new FlorenceError(
    "expired",
    `The analysis ${id.slice(0, 100)} is kept no longer. Ask again.`,
  );
}
