// Puts the service together: the parts, what they share, and the three ways in:
// requests, queue messages, and the sweep.

import { analyzeOperations } from "./analyze/analyze-operations.ts";
import { createAnalyzer } from "./analyze/analyzer.ts";
import { createImageResolver } from "./analyze/image-resolver.ts";
import { createApp } from "./app.ts";
import { createGuard } from "./auth/guard.ts";
import { capabilityOperations } from "./capabilities/capability-operations.ts";
import { healthOperations } from "./capabilities/health-operations.ts";
import type { Host } from "./host.ts";
import { openApiOperations } from "./openapi/openapi-operations.ts";
import type { App } from "./operation.ts";

/** A running service; its host calls it. */
export interface Service {
  readonly app: App;
}

/** The whole service over one host whose database is migrated. */
export function createService(host: Host): Service {
  const images = createImageResolver(host);
  const analyzer = createAnalyzer({ images, engine: host.engines[0] });
  const described = [
    ...analyzeOperations(host, analyzer),
    ...capabilityOperations(host),
    ...healthOperations(host),
  ];
  const operations = [...described, ...openApiOperations(host, described)];
  return { app: createApp(host, operations, createGuard(host)) };
}
