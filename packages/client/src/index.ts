// What the package gives, listed by hand.

export {
  createClient,
  type AnalyzeCallOptions,
  type AnalyzeRequest,
  type BatchRequest,
  type FlorenceClient,
} from "./client.ts";
export { FlorenceApiError } from "./florence-api-error.ts";
export type { JobEvent, JobRequest, Jobs } from "./jobs.ts";
export type { ImageInput } from "./request-body.ts";
export type {
  Analysis,
  AnalyzeOptions,
  Batch,
  Callback,
  Delivery,
  DeliveryList,
  Job,
  JobResult,
  JobWithResults,
  NewWebhookEndpoint,
  PresignedUpload,
  Problem,
  Upload,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
} from "./schemas.ts";
export type { AnalysisEvent } from "./stream-event.ts";
export type { TaskFields, TaskName, TaskRequest } from "./tasks.ts";
export type { CallOptions, ClientOptions } from "./transport.ts";
export type { UploadRequest, Uploads } from "./uploads.ts";
export {
  verifyWebhook,
  WebhookVerificationError,
  type WebhookEvent,
  type WebhookToVerify,
} from "./verify-webhook.ts";
export type { Webhooks } from "./webhooks.ts";
