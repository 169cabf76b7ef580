// What Cloudflare hands to the Worker: bindings and settings, as
// `wrangler.toml` names them.

import type { WorkMessage } from "../../src/http/ports/work-queue.ts";
import type { PicturesCalls } from "./pictures.ts";

export interface Env {
  /** The bundle's weights and tokenizer. */
  readonly ASSETS: Fetcher;
  readonly DATABASE: D1Database;
  readonly STORE: R2Bucket;
  readonly BUCKET: R2Bucket;
  readonly WORK: Queue<WorkMessage>;
  /** The Worker that draws pictures, `workers/pictures`; optional. */
  readonly PICTURES?: PicturesCalls;
  /** Cloudflare's own limiter, in front of everything; optional. */
  readonly FLOOD?: RateLimit;
  /** Where figures of each answer go; optional. */
  readonly FIGURES?: AnalyticsEngineDataset;
  /** Settings and secrets: `FLORENCE_…`, one for each field of the config. */
  readonly [setting: `FLORENCE_${string}`]: string | undefined;
}
