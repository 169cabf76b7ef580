// The far engine on Cloudflare Containers: `florence serve` of the Dockerfile
// beside it, started by the first request and put to sleep when nobody asks.

import { Container, getContainer } from "@cloudflare/containers";

/** The Worker's bindings and secrets, as `wrangler.toml` names them. */
export interface Env {
  readonly FAR_ENGINE: DurableObjectNamespace<FarEngine>;
  /** The edge Worker's own: its requests are signed with it. */
  readonly FLORENCE_SECRET: string;
  /** Where this Worker is reached. */
  readonly FLORENCE_PUBLIC_URL: string;
}

/**
 * One container. What it keeps (features, its database) is gone when it sleeps:
 * the edge Worker asks it for answers only, never for jobs.
 */
export class FarEngine extends Container<Env> {
  override defaultPort = 8080;
  override sleepAfter = "10m";
  override pingEndpoint = "container/v1/health/live";
  override envVars = {
    FLORENCE_SECRET: this.env.FLORENCE_SECRET,
    FLORENCE_PUBLIC_URL: this.env.FLORENCE_PUBLIC_URL,
  };
}

export default {
  fetch: (request, env) => getContainer(env.FAR_ENGINE).fetch(request),
} satisfies ExportedHandler<Env>;
