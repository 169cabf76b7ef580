// What a host brings to the HTTP API: engines, storage, a clock, secrets. The
// API itself is the same everywhere.

import type { Context } from "hono";
import type { Platform } from "../shared/analyze/analyze.ts";
import type { BodyLimits } from "./analyze/read-image.ts";
import type { ServiceConfig } from "./config.ts";
import type { Engine, NearEngine } from "./engine/engine.ts";
import type { Blobs } from "./ports/blobs.ts";
import type { Database } from "./ports/database.ts";
import type { Telemetry } from "./observability/telemetry.ts";
import type { Operation } from "./operation.ts";
import type { Outbound } from "./ports/outbound.ts";
import type { WorkQueue } from "./ports/work-queue.ts";

/** Everything `createService` needs. */
export interface Host {
  /**
   * In the order in which `engine: auto` prefers them, the cheapest first. The
   * first is at hand; the others may be elsewhere.
   */
  readonly engines: readonly [NearEngine, ...Engine[]];
  readonly database: Database;
  /** What the service keeps for itself: uploads, features, large results. */
  readonly store: Blobs;
  /**
   * The pictures of `image.bucket_key`, and those that bucket events tell of:
   * keys begin with the tenant and `/`.
   */
  readonly bucket: Blobs;
  readonly queue: WorkQueue;
  readonly outbound: Outbound;
  readonly platform: Platform;
  readonly limits: BodyLimits;
  readonly config: ServiceConfig;
  /** Vision passes kept in memory, in bytes; 16 MB if left out. */
  readonly featureMemoryBytes?: number;
  /**
   * How long the host's thread may be at work without a turn for timers, in
   * milliseconds; 120,000 if left out, as where engines share the thread. Whoever
   * is silent for longer is taken for dead.
   */
  readonly maxSilenceMs?: number;
  /** Keeps work going whose client may leave before it ends. */
  keepAlive?(work: Promise<unknown>, context: Context): void;
  /** What only this host serves, beside what every host does. */
  readonly operations?: readonly Operation[];
  /** Told of every request and every analysis. */
  readonly telemetry?: Telemetry;
  /** Told of everything that is answered with status 500 or above. */
  onFailure?(error: unknown, requestId: string): void;
}
