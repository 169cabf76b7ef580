// Answers kept under `Idempotency-Key`: a row says who is making an answer, or
// holds the one that was made. Whoever inserts the row makes it.

import type { Host } from "../host.ts";
import { sql, type Row } from "../ports/database.ts";

export type AnswerHost = Pick<
  Host,
  "database" | "store" | "platform" | "config" | "maxSilenceMs"
>;

/** The longest that an invocation on Cloudflare may compute. */
const MAX_SILENCE_MS = 120_000;

/** How long whoever makes an answer may be silent before another may. */
export function leaseMs({ maxSilenceMs }: AnswerHost): number {
  return maxSilenceMs ?? MAX_SILENCE_MS;
}

/** Larger bodies, and those that are no text, are blobs. */
const MAX_ROW_BODY_BYTES = 1_000_000;

/** Rows taken at once by the sweep. */
const SWEEP_ROWS = 100;

/** The place of an answer: a key belongs to its tenant. */
export interface AnswerPlace {
  readonly tenant: string;
  readonly key: string;
  /** Of the request that the answer is for. */
  readonly fingerprint: string;
}

export interface KeptAnswer {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  /** Null for none. */
  readonly body: Uint8Array<ArrayBuffer> | null;
}

/** A place as it was found. */
export type FoundPlace =
  /** It is the caller's: make the answer, then keep or free it. */
  | { readonly kind: "taken"; readonly token: string }
  | { readonly kind: "running" }
  | { readonly kind: "other_request" }
  | { readonly kind: "done"; readonly answer: KeptAnswer };

/** Takes the place if nobody has it, or whoever had it fell silent. */
export async function takePlace(
  host: AnswerHost,
  place: AnswerPlace,
): Promise<FoundPlace> {
  const { tenant, key, fingerprint } = place;
  const { database, platform, config } = host;
  // A second try finds what was freed, or has expired, since the first.
  for (let tries = 0; tries < 3; tries += 1) {
    const nowMs = platform.now();
    const token = platform.id("idem");
    const [taken] = await database.batch([
      sql`INSERT INTO idempotency_keys (tenant, key, fingerprint, state, token,
          lease_until_ms, expires_ms)
        VALUES (${tenant}, ${key}, ${fingerprint}, 'running', ${token},
          ${nowMs + leaseMs(host)}, ${nowMs + config.keep_seconds * 1000})
        ON CONFLICT (tenant, key) DO UPDATE SET token = excluded.token,
          lease_until_ms = excluded.lease_until_ms,
          expires_ms = excluded.expires_ms
        WHERE state = 'running' AND lease_until_ms <= ${nowMs}
          AND fingerprint = excluded.fingerprint`,
    ]);
    if (taken === 1) return { kind: "taken", token };
    const [row] = await database.all(
      sql`SELECT * FROM idempotency_keys WHERE tenant = ${tenant} AND key = ${key}`,
    );
    if (row === undefined) continue;
    if (Number(row["expires_ms"]) <= nowMs) {
      await dropRows(host, [row]);
      continue;
    }
    if (row["fingerprint"] !== fingerprint) return { kind: "other_request" };
    if (row["state"] === "running") return { kind: "running" };
    return { kind: "done", answer: await readAnswer(host, row) };
  }
  return { kind: "running" };
}

/** Says that the answer is still being made. */
export async function renewPlace(
  host: AnswerHost,
  { tenant, key }: AnswerPlace,
  token: string,
): Promise<void> {
  const { database, platform } = host;
  await database.batch([
    sql`UPDATE idempotency_keys SET lease_until_ms = ${platform.now() + leaseMs(host)}
      WHERE tenant = ${tenant} AND key = ${key} AND token = ${token}`,
  ]);
}

/** Gives the place up: the next request makes the answer anew. */
export async function freePlace(
  { database }: AnswerHost,
  { tenant, key }: AnswerPlace,
  token: string,
): Promise<void> {
  await database.batch([
    sql`DELETE FROM idempotency_keys
      WHERE tenant = ${tenant} AND key = ${key} AND token = ${token}`,
  ]);
}

/** Keeps the answer, unless another has taken the place since. */
export async function keepAnswer(
  { database, store, platform, config }: AnswerHost,
  { tenant, key }: AnswerPlace,
  token: string,
  { status, headers, body }: KeptAnswer,
): Promise<void> {
  const text = body === null ? null : shortText(body);
  const blobKey =
    body === null || text !== null ? null : `idempotency/${tenant}/${token}`;
  if (body !== null && blobKey !== null) {
    await store.put(blobKey, body, "application/octet-stream");
  }
  const expiresMs = platform.now() + config.keep_seconds * 1000;
  const [kept] = await database.batch([
    sql`UPDATE idempotency_keys SET state = 'done', status = ${status},
        headers = ${JSON.stringify(headers)}, body = ${text},
        blob_key = ${blobKey}, expires_ms = ${expiresMs}
      WHERE tenant = ${tenant} AND key = ${key} AND token = ${token}`,
  ]);
  if (kept === 0 && blobKey !== null) await store.delete([blobKey]);
}

/** Deletes answers whose time is over. */
export async function sweepAnswers(host: AnswerHost): Promise<void> {
  for (;;) {
    const rows = await host.database.all(
      sql`SELECT tenant, key, token, blob_key FROM idempotency_keys
        WHERE expires_ms <= ${host.platform.now()} LIMIT ${SWEEP_ROWS}`,
    );
    await dropRows(host, rows);
    if (rows.length < SWEEP_ROWS) return;
  }
}

/** Blobs go first: a row that is still there is found again. */
async function dropRows(
  { database, store }: AnswerHost,
  rows: readonly Row[],
): Promise<void> {
  if (rows.length === 0) return;
  await store.delete(
    rows.map((row) => row["blob_key"]).filter((key) => typeof key === "string"),
  );
  await database.batch(
    rows.map(
      (row) => sql`DELETE FROM idempotency_keys WHERE tenant = ${row["tenant"]!}
        AND key = ${row["key"]!} AND token = ${row["token"]!}`,
    ),
  );
}

/** Columns hold what `keepAnswer` wrote. */
async function readAnswer(
  { store }: AnswerHost,
  row: Row,
): Promise<KeptAnswer> {
  const { status, headers, body: text, blob_key: blobKey } = row;
  let body =
    typeof text === "string"
      ? new Uint8Array(new TextEncoder().encode(text))
      : null;
  if (typeof blobKey === "string") {
    const blob = await store.get(blobKey);
    if (blob === null) {
      throw new Error(`internal: the kept answer ${blobKey} is gone`);
    }
    body = blob.bytes;
  }
  return {
    status: Number(status),
    headers: JSON.parse(String(headers)) as [string, string][],
    body,
  };
}

/** A body that a row can hold; null for others. */
function shortText(body: Uint8Array): string | null {
  if (body.length > MAX_ROW_BODY_BYTES) return null;
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const text = decoder.decode(body);
    // SQLite ends a text at a zero in some of its functions.
    return text.includes("\0") ? null : text;
  } catch {
    // No UTF-8: the bytes stay as they are.
    return null;
  }
}
