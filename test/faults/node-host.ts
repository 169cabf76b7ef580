// The service over a folder, for the kill test: the parts of `florence serve`
// with an engine by script and a queue at its worst. Takes a folder, a port and
// the configuration as JSON.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { serve } from "@hono/node-server";
import * as v from "valibot";
import { ServiceConfigSchema } from "../../src/http/config.ts";
import { migrate } from "../../src/http/migrate.ts";
import { createService } from "../../src/http/service.ts";
import { NODE_PLATFORM } from "../../src/node/platform.ts";
import { openFolderBlobs } from "../../src/server/folder-blobs.ts";
import { NODE_OUTBOUND } from "../../src/server/outbound.ts";
import { openSqliteDatabase } from "../../src/server/sqlite-database.ts";
import { createTimerQueue } from "../../src/server/timer-queue.ts";
import { createScriptedEngine } from "./scripted-engine.ts";
import { twistedQueue } from "./twisted-queue.ts";

const [folder = "", port = "", config = ""] = process.argv.slice(2);

mkdirSync(folder, { recursive: true });
const database = openSqliteDatabase(join(folder, "florence.sqlite"));
await migrate(database);
const queue = createTimerQueue(4);
const service = createService({
  engines: [createScriptedEngine(NODE_PLATFORM, 50)],
  database,
  store: openFolderBlobs(join(folder, "store")),
  bucket: openFolderBlobs(join(folder, "bucket")),
  queue: twistedQueue(queue),
  outbound: NODE_OUTBOUND,
  platform: NODE_PLATFORM,
  limits: { maxImageBytes: 20_000_000, maxJsonBytes: 10_000_000 },
  maxSilenceMs: 15_000,
  config: v.parse(ServiceConfigSchema, JSON.parse(config)),
  onFailure: (error, id) => {
    console.error(id, error);
  },
});
queue.start((message) => service.consume(message));
await service.sweep();
setInterval(() => {
  void service.sweep();
}, 500);
serve({ fetch: service.app.fetch, port: Number(port), hostname: "127.0.0.1" });
