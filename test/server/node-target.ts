// `florence serve` as a target of the HTTP contract.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { databaseFile } from "../../src/server/data-folder.ts";
import { openSqliteDatabase } from "../../src/server/sqlite-database.ts";
import {
  KEYED_SETTINGS,
  keyedTarget,
  type ClosableTarget,
} from "../contract/http/keyed-target.ts";
import {
  startServerProcess,
  type ServerProcess,
  type ServerProcessOptions,
} from "./server-process.ts";

/** A server with keys of two tenants; its starter closes it. */
export interface NodeTarget extends ClosableTarget {
  readonly server: ServerProcess;
}

/** @param options `env` is joined to `KEYED_SETTINGS`. */
export async function startNodeTarget(
  options: ServerProcessOptions = {},
): Promise<NodeTarget> {
  const server = await startServerProcess({
    ...options,
    env: { ...KEYED_SETTINGS, ...options.env },
  });
  try {
    return {
      ...(await keyedTarget(server.origin)),
      server,
      host: "node",
      async putBucket(key, bytes) {
        const file = join(server.dataFolder, "bucket", key);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, bytes);
      },
      sendBucketEvent: null,
      async write(statement) {
        // Another process may write beside the server.
        const database = openSqliteDatabase(databaseFile(server.dataFolder));
        try {
          await database.batch([statement]);
        } finally {
          database.close();
        }
      },
      close: () => server.close(),
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}
