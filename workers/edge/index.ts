// The edge Worker: the HTTP API over the model in the box.

import { migrate } from "../../src/http/migrate.ts";
import type { WorkMessage } from "../../src/http/ports/work-queue.ts";
import { createService, type Service } from "../../src/http/service.ts";
import { BOX_MODEL } from "./box-model.ts";
import { createEdgeHost, createEdgeSessions } from "./edge-host.ts";

/** The Worker's bindings and settings, as `wrangler.toml` names them. */
export interface Env {
  /** The bundle's weights and tokenizer. */
  readonly ASSETS: Fetcher;
  readonly DATABASE: D1Database;
  readonly STORE: R2Bucket;
  readonly BUCKET: R2Bucket;
  readonly WORK: Queue<WorkMessage>;
  readonly PUBLIC_URL: string;
  readonly SECRET: string;
  readonly OPEN_MODE?: string;
}

let starting: Promise<Service> | null = null;

function serviceOf(env: Env): Promise<Service> {
  starting ??= start(env).catch((error: unknown) => {
    starting = null;
    throw error;
  });
  return starting;
}

async function start(env: Env): Promise<Service> {
  const host = createEdgeHost(BOX_MODEL, env, createEdgeSessions());
  await migrate(host.database);
  return createService(host);
}

export default {
  async fetch(request, env, context) {
    const { app } = await serviceOf(env);
    return await app.fetch(request, env, context);
  },
} satisfies ExportedHandler<Env, WorkMessage>;
