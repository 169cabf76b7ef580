// What Cloudflare brings to the HTTP API whatever engine answers: database,
// buckets, queue, clock, settings.

import type { NearEngine } from "../../src/http/engine/engine.ts";
import type { Host } from "../../src/http/host.ts";
import { joinTelemetry } from "../../src/http/observability/join-telemetry.ts";
import { jsonLog } from "../../src/http/observability/json-log.ts";
import { parseSettings, readSettings } from "../../src/http/read-settings.ts";
import type { Platform } from "../../src/shared/analyze/analyze.ts";
import { cloudflareQueue } from "./cloudflare-queue.ts";
import { d1Database } from "./d1-database.ts";
import type { Env } from "./env.ts";
import { figuresTelemetry } from "./figures.ts";
import { WORKER_OUTBOUND } from "./outbound.ts";
import { WORKER_PLATFORM } from "./platform.ts";
import { r2Blobs } from "./r2-blobs.ts";

/** A line of JSON for each request; `wrangler tail` and Workers Logs show it. */
const LOG = jsonLog((line) => {
  console.log(line);
}, WORKER_PLATFORM.now);

/**
 * The host of one engine.
 *
 * @param platform with a rasterizer where the script carries one.
 */
export function createWorkerHost(
  engine: NearEngine,
  env: Env,
  platform: Platform,
): Host {
  return {
    engines: [engine],
    database: d1Database(env.DATABASE),
    store: r2Blobs(env.STORE),
    bucket: r2Blobs(env.BUCKET),
    queue: cloudflareQueue(env.WORK),
    outbound: WORKER_OUTBOUND,
    platform,
    limits: { maxImageBytes: 20_000_000, maxJsonBytes: 10_000_000 },
    config: parseSettings(readSettings({ ...env })),
    keepAlive: (work, context) => {
      // A request whose client is gone is cut off in the middle of its work:
      // what others wait for (a turn, the model) must come to its end.
      context.executionCtx.waitUntil(work.catch(() => undefined));
    },
    telemetry: joinTelemetry(
      env.FIGURES === undefined ? [LOG] : [LOG, figuresTelemetry(env.FIGURES)],
    ),
    onFailure: LOG.failure,
  };
}
