// What all route groups share: the app's type, and how a group says which
// paths it answers.

import type { Hono } from "hono";

/** What every handler finds in its context. */
export interface AppEnv {
  readonly Variables: {
    readonly requestId: string;
    /** When the request came in, on the host's clock. */
    readonly startedMs: number;
  };
}

export type App = Hono<AppEnv>;

/** A path and the methods it answers; anything else there is a 405. */
export interface Route {
  readonly path: string;
  /** Value of the `Allow` header. */
  readonly allow: string;
}
