// Probes: whether the process answers, and whether it can answer questions.

import type { App, Route } from "./route.ts";
import type { Host } from "./host.ts";
import { outlast } from "./outlast.ts";

/** Adds `/v1/health/live` and `/v1/health/ready`. */
export function addHealthRoutes(app: App, host: Host): readonly Route[] {
  app.get("/v1/health/live", (context) => context.json({ status: "live" }));

  // Loads the model if nobody has yet: a probe is the right one to wait for it.
  app.get("/v1/health/ready", async (context) => {
    const [hosted] = host.models;
    const loading = hosted.load();
    host.keepAlive?.(loading, context);
    await outlast(loading);
    return context.json({ status: "ready", model: hosted.manifest.id });
  });

  return ["/v1/health/live", "/v1/health/ready"].map((path) => ({
    path,
    allow: "GET, HEAD",
  }));
}
