// Vision passes from before: in memory while they are used, in the store until
// they expire. They belong to the tenant whose picture it was.

import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import { FlorenceError } from "../../shared/errors.ts";
import { freeMemory } from "../../shared/free-memory.ts";
import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";
import { createByteCache } from "./byte-cache.ts";
import { mergeSights } from "./merge-sights.ts";
import {
  decodeSeenImage,
  encodeSeenImage,
  SEEN_IMAGE_TYPE,
} from "./seen-image-bytes.ts";

/** What the cache needs of a host. */
export type FeatureHost = Pick<
  Host,
  | "database"
  | "store"
  | "platform"
  | "config"
  | "featureMemoryBytes"
  | "onFailure"
>;

/** What makes two vision passes the same. */
export interface FeatureKey {
  readonly tenant: string;
  /** Of the file, lower-case hexadecimal. */
  readonly sha256: string;
  readonly modelRevision: string;
  /** As asked for. */
  readonly inputSize: number | "auto";
}

export interface FeatureCache {
  /** The id of a pass: `image.feature_id` of every answer it served. */
  idOf(key: FeatureKey): Promise<string>;

  /**
   * A pass from before, the caller's own. Never rejects: what cannot be read is
   * not there.
   */
  find(id: string, tenant: string): Promise<SeenImage | null>;

  /**
   * A pass that a request names, the caller's own.
   *
   * @throws FlorenceError `not_found`, `expired`.
   */
  read(id: string, tenant: string): Promise<SeenImage>;

  /**
   * Keeps a pass, with what those remembered of the same picture looked at
   * beyond it: in memory at once, then in the store, or tells the host why not.
   * Never rejects.
   *
   * @returns as `written`.
   */
  keep(id: string, tenant: string, pass: SeenImage): Promise<boolean>;

  /**
   * Whether a pass can be read from everywhere, once that is known: false if it
   * is in this memory only. Never rejects.
   */
  written(id: string, tenant: string): Promise<boolean>;

  /** What is kept in memory, in bytes. */
  memoryBytes(): number;
}

interface Remembered {
  readonly seen: SeenImage;
  readonly tenant: string;
  readonly expiresMs: number;
  /** Whether the store has it, too. */
  readonly written: Promise<boolean>;
}

const IS_WRITTEN = Promise.resolve(true);

/** In memory, where the host says nothing else: some ten passes. */
const MEMORY_BYTES = 16 * 2 ** 20;

/** Of a pass beside its features. */
const OVERHEAD_BYTES = 1024;

export function createFeatureCache(host: FeatureHost): FeatureCache {
  const { database, platform, config } = host;
  // It has copies of its own: what it gives out may be given back by whoever has
  // it, and what it drops is given back at once.
  const memory = createByteCache<Remembered>(
    host.featureMemoryBytes ?? MEMORY_BYTES,
    ({ seen }) => {
      freeMemory(seen.features.data);
    },
  );

  const remember = (id: string, one: Remembered): void => {
    const { data, hintIds, sights = [] } = one.seen.features;
    let numbers = hintIds.length;
    for (const { prompt, hintIds: own = [], answer, outlines = [] } of sights) {
      // An answer has an id and a log-probability for each token.
      numbers += prompt.length + own.length + 2 * (answer?.ids.length ?? 0);
      for (const { box, ids } of outlines) numbers += box.length + ids.length;
    }
    const bytes = data.byteLength + 8 * numbers + OVERHEAD_BYTES;
    memory.set(id, { ...one, seen: copyOf(one.seen) }, bytes);
  };

  const recall = (id: string, tenant: string): SeenImage | null => {
    const one = memory.get(id);
    if (one?.tenant !== tenant) return null;
    if (one.expiresMs > platform.now()) return copyOf(one.seen);
    memory.delete(id);
    return null;
  };

  /** The row of a pass; null if there is none of this tenant. */
  const findRow = async (id: string, tenant: string) => {
    const [row] = await database.all(
      sql`SELECT blob_key, expires_ms FROM features
        WHERE id = ${id} AND tenant = ${tenant}`,
    );
    if (row === undefined) return null;
    const { blob_key: blobKey, expires_ms: expires } = row;
    return {
      blobKey: typeof blobKey === "string" ? blobKey : null,
      expiresMs: Number(expires),
    };
  };

  const load = async (
    id: string,
    tenant: string,
    blobKey: string | null,
    expiresMs: number,
  ): Promise<SeenImage | null> => {
    if (blobKey === null || expiresMs <= platform.now()) return null;
    const blob = await host.store.get(blobKey);
    if (blob === null) return null;
    const seen = await decodeSeenImage(blob.bytes, platform.sha256);
    if (seen === null) {
      throw new Error(`internal: the features at ${blobKey} are damaged`);
    }
    remember(id, { seen, tenant, expiresMs, written: IS_WRITTEN });
    return seen;
  };

  /** Never rejects. */
  const write = async (
    id: string,
    tenant: string,
    seen: SeenImage,
    expiresMs: number,
  ): Promise<boolean> => {
    const blobKey = `features/${tenant}/${id}`;
    try {
      // Its values are copied now: the pass may be given back soon.
      const bytes = await encodeSeenImage(seen, platform.sha256);
      // The row comes first: a blob without one would stay for ever.
      await database.batch([
        sql`INSERT INTO features (id, tenant, blob_key, created_ms, expires_ms)
          VALUES (${id}, ${tenant}, ${blobKey}, ${platform.now()}, ${expiresMs})
          ON CONFLICT (id) DO UPDATE SET blob_key = excluded.blob_key,
            created_ms = excluded.created_ms, expires_ms = excluded.expires_ms`,
      ]);
      await host.store.put(blobKey, bytes, SEEN_IMAGE_TYPE);
      freeMemory(bytes);
      return true;
    } catch (error) {
      host.onFailure?.(error, id);
      return false;
    }
  };

  return {
    async idOf({ tenant, sha256, modelRevision, inputSize }) {
      const key = JSON.stringify([tenant, sha256, modelRevision, inputSize]);
      const hash = await platform.sha256(new TextEncoder().encode(key));
      return `ft_${hash.slice(0, 32)}`;
    },

    async find(id, tenant) {
      const remembered = recall(id, tenant);
      if (remembered !== null) return remembered;
      try {
        const row = await findRow(id, tenant);
        return row === null
          ? null
          : await load(id, tenant, row.blobKey, row.expiresMs);
      } catch (error) {
        host.onFailure?.(error, id);
        return null;
      }
    },

    async read(id, tenant) {
      const remembered = recall(id, tenant);
      if (remembered !== null) return remembered;
      const row = await findRow(id, tenant);
      if (row === null) throw notFound(id);
      const seen = await load(id, tenant, row.blobKey, row.expiresMs).catch(
        (error: unknown) => {
          host.onFailure?.(error, id);
          return null;
        },
      );
      if (seen === null) throw expired(id);
      return seen;
    },

    keep(id, tenant, pass) {
      const before = recall(id, tenant);
      const seen = before === null ? pass : mergeSights(before, pass);
      const expiresMs = platform.now() + config.keep_seconds * 1000;
      const written = write(id, tenant, seen, expiresMs);
      remember(id, { seen, tenant, expiresMs, written });
      return written;
    },

    async written(id, tenant) {
      const one = memory.get(id);
      if (one?.tenant === tenant) return await one.written;
      // What no memory holds was read from the store, or is not there at all.
      return (await findRow(id, tenant).catch(() => null)) !== null;
    },

    memoryBytes: () => memory.bytes(),
  };
}

function copyOf(seen: SeenImage): SeenImage {
  const { features } = seen;
  return { ...seen, features: { ...features, data: features.data.slice() } };
}

function notFound(id: string): FlorenceError {
  return new FlorenceError(
    "not_found",
    `There are no features ${id.slice(0, 100)}. Use image.feature_id of an answer, or send the image.`,
    { errors: [{ pointer: "/image/feature_id", detail: "not known" }] },
  );
}

function expired(id: string): FlorenceError {
  return new FlorenceError(
    "expired",
    `The features ${id.slice(0, 100)} are kept no longer. Send the image again.`,
    { errors: [{ pointer: "/image/feature_id", detail: "expired" }] },
  );
}
