// Puts the service together: the parts, what they share, and the three ways in:
// requests, queue messages, and the sweep.

import { analyzeOperations } from "./analyze/analyze-operations.ts";
import { createAnalyzer } from "./analyze/analyzer.ts";
import { createImageResolver } from "./analyze/image-resolver.ts";
import { createApp } from "./app.ts";
import { countedAnalyzer } from "./auth/counted-analyzer.ts";
import { createGuard } from "./auth/guard.ts";
import { keyOperations } from "./auth/key-operations.ts";
import { sweepAuth } from "./auth/sweep-auth.ts";
import { capabilityOperations } from "./capabilities/capability-operations.ts";
import { healthOperations } from "./capabilities/health-operations.ts";
import { chatOperations } from "./chat/chat-operations.ts";
import { analysisOperations } from "./features/analysis-operations.ts";
import { createFeatureCache } from "./features/feature-cache.ts";
import { sweepFeatures } from "./features/sweep-features.ts";
import { withFarEngines } from "./engine/far-engines.ts";
import { internalBodyLimit, verifyInternal } from "./engine/internal-token.ts";
import { createLadder } from "./engine/ladder.ts";
import type { Host } from "./host.ts";
import { batchOperations } from "./jobs/batch-operations.ts";
import { jobOperations } from "./jobs/job-operations.ts";
import { createJobs } from "./jobs/jobs.ts";
import { createLater, type LaterPart } from "./later.ts";
import { mcpOperations } from "./mcp/mcp-operations.ts";
import { createBucketEvents } from "./hooks/bucket-events.ts";
import { deadEventOperations } from "./hooks/dead-event-operations.ts";
import { buryEvent, sweepDeadEvents } from "./hooks/dead-events.ts";
import { hookOperations } from "./hooks/hook-operations.ts";
import { uploadOperations } from "./uploads/upload-operations.ts";
import { createUploads } from "./uploads/uploads.ts";
import { createDeliveries } from "./webhooks/deliveries.ts";
import { webhookOperations } from "./webhooks/webhook-operations.ts";
import { openApiOperations } from "./openapi/openapi-operations.ts";
import { createObserver } from "./observability/observer.ts";
import type { App, Operation } from "./operation.ts";
import type { WorkMessage } from "./ports/work-queue.ts";

/** A running service; its host calls it. */
export interface Service {
  readonly app: App;
  /** All that is served, as data. */
  readonly operations: readonly Operation[];
  /** What vision passes kept in memory take, in bytes. */
  featureMemoryBytes(): number;

  /**
   * Does what a message of the host's queue hints at, if it is still due.
   *
   * Never rejects: a message may be acknowledged whatever comes of it, since
   * what is not done is found by the sweep.
   */
  consume(message: WorkMessage): Promise<void>;

  /**
   * Takes one message of bucket events, as R2 sends it.
   *
   * @throws FlorenceError for a message to be tried again.
   */
  bucketEvents(body: unknown): Promise<void>;

  /**
   * Takes a message of bucket events that its queue has given up: what fails
   * once more is kept for `/v1/dead-events`.
   *
   * @throws Error where it cannot even be kept.
   */
  buryBucketEvent(body: unknown): Promise<void>;

  /**
   * Hints again at what has waited too long, and deletes what has expired. For
   * the host to call each minute or so, and once at its start; never rejects.
   */
  sweep(): Promise<void>;
}

/** The whole service over one host whose database is migrated. */
export function createService(given: Host): Service {
  const host = withFarEngines(given);
  const ladder = createLadder({
    engines: host.engines,
    now: () => host.platform.now(),
  });
  const features = createFeatureCache(host);
  const images = createImageResolver(host, features);
  const observer = createObserver(host);
  const analyzer = observer.watch(
    createAnalyzer({ ...{ host, images, features }, engine: ladder }),
  );
  const jobs = createJobs(host, analyzer);
  const deliveries = createDeliveries(host);
  const uploads = createUploads(host, jobs);
  const bucketEvents = createBucketEvents(host, uploads);
  // Jobs and batches count their images themselves.
  const counted = countedAnalyzer(host, analyzer);
  const described = [
    ...analyzeOperations(host, counted, jobs),
    ...mcpOperations(host, counted),
    ...chatOperations(host, counted),
    ...batchOperations({ host, analyzer, jobs }),
    ...jobOperations(host, jobs),
    ...uploadOperations(host, uploads),
    ...hookOperations(host, uploads),
    ...deadEventOperations(host, bucketEvents),
    ...webhookOperations(host),
    ...analysisOperations(host),
    ...capabilityOperations(ladder.engines),
    ...keyOperations(host),
    ...healthOperations(host),
    ...(host.operations ?? []),
  ];
  const operations = [...described, ...openApiOperations(host, described)];
  const later: readonly LaterPart[] = [
    jobs,
    deliveries,
    uploads,
    { sweep: () => sweepDeadEvents(host) },
    { sweep: () => sweepAuth(host) },
    { sweep: () => sweepFeatures(host) },
  ];
  return {
    app: createApp(
      host,
      operations,
      createGuard(host, (request) =>
        verifyInternal(host, request, internalBodyLimit(host)),
      ),
      observer,
    ),
    operations,
    featureMemoryBytes: () => features.memoryBytes(),
    bucketEvents,
    buryBucketEvent: (body) => buryEvent(host, bucketEvents, body),
    ...createLater(host, later),
  };
}
