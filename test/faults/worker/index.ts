// The service in workerd, for the kill test: D1, R2 and Queues as deployed, with
// an engine by script and a queue at its worst. `/sweep` is what the cron does.

import * as v from "valibot";
import { ServiceConfigSchema } from "../../../src/http/config.ts";
import { migrate } from "../../../src/http/migrate.ts";
import { createService, type Service } from "../../../src/http/service.ts";
import { cloudflareQueue } from "../../../workers/edge/cloudflare-queue.ts";
import { consumeBatch } from "../../../workers/edge/consume-batch.ts";
import { d1Database } from "../../../workers/edge/d1-database.ts";
import type { Env } from "../../../workers/edge/env.ts";
import { WORKER_OUTBOUND } from "../../../workers/edge/outbound.ts";
import { WORKER_PLATFORM } from "../../../workers/edge/platform.ts";
import { r2Blobs } from "../../../workers/edge/r2-blobs.ts";
import { createScriptedEngine } from "../scripted-engine.ts";
import { twistedQueue } from "../twisted-queue.ts";

interface FaultEnv extends Pick<Env, "DATABASE" | "STORE" | "BUCKET" | "WORK"> {
  /** The configuration as JSON. */
  readonly CONFIG: string;
}

let starting: Promise<Service> | null = null;

function serviceOf(env: FaultEnv): Promise<Service> {
  starting ??= start(env).catch((error: unknown) => {
    starting = null;
    throw error;
  });
  return starting;
}

async function start(env: FaultEnv): Promise<Service> {
  const database = d1Database(env.DATABASE);
  await migrate(database);
  return createService({
    engines: [createScriptedEngine(WORKER_PLATFORM, 50)],
    database,
    store: r2Blobs(env.STORE),
    bucket: r2Blobs(env.BUCKET),
    queue: twistedQueue(cloudflareQueue(env.WORK)),
    outbound: WORKER_OUTBOUND,
    platform: WORKER_PLATFORM,
    limits: { maxImageBytes: 20_000_000, maxJsonBytes: 10_000_000 },
    config: v.parse(ServiceConfigSchema, JSON.parse(env.CONFIG)),
    keepAlive: (work, context) => {
      context.executionCtx.waitUntil(work.catch(() => undefined));
    },
    onFailure: (error, id) => {
      console.error(id, error);
    },
  });
}

export default {
  async fetch(request, env, context) {
    const service = await serviceOf(env);
    if (new URL(request.url).pathname === "/sweep") {
      await service.sweep();
      return new Response("swept");
    }
    return await service.app.fetch(request, env, context);
  },
  async queue(batch, env) {
    await consumeBatch(batch, await serviceOf(env));
  },
} satisfies ExportedHandler<FaultEnv>;
