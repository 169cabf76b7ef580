// Where `florence keys` makes, lists and revokes keys: in a data folder on this
// machine, or at a service over HTTP.

import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import * as v from "valibot";
import { DEFAULT_TENANT } from "../http/auth/admin-key.ts";
import {
  createApiKey,
  listApiKeys,
  readApiKey,
  revokeApiKey,
} from "../http/auth/api-keys.ts";
import {
  CreatedKeySchema,
  keyDocument,
  keyGrant,
  KeyListSchema,
  NewKeySchema,
  type KeyDocument,
} from "../http/auth/key-document.ts";
import { migrate } from "../http/migrate.ts";
import { parseBody } from "../http/read-json-body.ts";
import { NODE_PLATFORM } from "../node/platform.ts";
import { databaseFile } from "../server/data-folder.ts";
import { openSqliteDatabase } from "../server/sqlite-database.ts";
import { FlorenceError } from "../shared/errors.ts";
import { ProblemSchema } from "../shared/schema/problem.ts";

/** Keys in one request for a list. */
const PAGE = 100;

export type CreatedKey = v.InferOutput<typeof CreatedKeySchema>;

export interface KeyDesk {
  /** @param asked as the body of `POST /v1/keys`. */
  create(asked: Readonly<Record<string, unknown>>): Promise<CreatedKey>;
  list(): Promise<readonly KeyDocument[]>;
  /** @throws FlorenceError `not_found` */
  revoke(id: string): Promise<void>;
  close(): void;
}

/**
 * Opens the database of a data folder; a service may be at work on it.
 *
 * @param make makes the folder and the database if they are not there.
 * @throws FlorenceError `not_found` if they are not, and are not to be made.
 */
export async function openFolderDesk(
  dataFolder: string,
  make: boolean,
): Promise<KeyDesk> {
  const file = databaseFile(dataFolder);
  if (make) await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  else if (!existsSync(file)) {
    throw new FlorenceError(
      "not_found",
      `There is no ${file}. Name the service's data folder with --data, or a running service with --url.`,
    );
  }
  const database = openSqliteDatabase(file);
  await migrate(database);
  const host = { database, platform: NODE_PLATFORM };
  return {
    async create(asked) {
      const grant = keyGrant(
        parseBody(asked, NewKeySchema),
        DEFAULT_TENANT,
        host.platform.now(),
      );
      const { key, secret } = await createApiKey(host, grant);
      return { ...keyDocument(key), key: secret };
    },
    async list() {
      const all = { tenant: null, after: null, limit: -1 };
      return (await listApiKeys(host, all)).map(keyDocument);
    },
    async revoke(id) {
      if ((await readApiKey(host, id, null)) === null) {
        throw new FlorenceError(
          "not_found",
          `There is no key ${id} in ${file}. florence keys list shows those there are.`,
        );
      }
      await revokeApiKey(host, id);
    },
    close: () => {
      database.close();
    },
  };
}

/** A service at `url`; `adminKey` is its `admin_key`, or a key of scope admin. */
export function openServiceDesk(
  url: string,
  adminKey: string,
  signal: AbortSignal,
): KeyDesk {
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(url.replace(/\/+$/u, "") + path, {
        method,
        headers: {
          Authorization: `Bearer ${adminKey}`,
          ...(body !== undefined && { "Content-Type": "application/json" }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        // A service does not send its callers, and their key, elsewhere.
        redirect: "error",
        signal,
      });
    } catch (cause) {
      throw new FlorenceError(
        "url_fetch_failed",
        `${new URL(url).origin} could not be asked. Check the address, and that the service runs.`,
        { cause },
      );
    }
    if (!response.ok) throw await errorOf(response, url);
    return response;
  };
  const read = async <const Schema extends v.GenericSchema>(
    schema: Schema,
    response: Response,
  ): Promise<v.InferOutput<Schema>> => {
    const answer = v.safeParse(schema, await response.json().catch(() => null));
    if (answer.success) return answer.output;
    throw notTheService(url, response);
  };
  return {
    create: async (asked) =>
      await read(CreatedKeySchema, await ask("POST", "/v1/keys", asked)),
    async list() {
      const keys: KeyDocument[] = [];
      let after = "";
      for (;;) {
        const path = `/v1/keys?limit=${PAGE}${after}`;
        const page = await read(KeyListSchema, await ask("GET", path));
        keys.push(...page.data);
        const last = page.data.at(-1);
        if (!page.has_more || last === undefined) return keys;
        after = `&after=${encodeURIComponent(last.id)}`;
      }
    },
    async revoke(id) {
      await ask("DELETE", `/v1/keys/${encodeURIComponent(id)}`);
    },
    close: () => undefined,
  };
}

/** What the service said, as it said it. */
async function errorOf(
  response: Response,
  url: string,
): Promise<FlorenceError> {
  const body: unknown = await response.json().catch(() => null);
  const problem = v.safeParse(ProblemSchema, body);
  if (!problem.success) return notTheService(url, response);
  const { code, detail, errors } = problem.output;
  return new FlorenceError(code, detail, { errors: errors ?? [] });
}

function notTheService(url: string, { status }: Response): FlorenceError {
  return new FlorenceError(
    "url_fetch_failed",
    `${new URL(url).origin} answered with status ${status} and nothing this command knows. Is it a Florence service?`,
  );
}
