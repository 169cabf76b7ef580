// The schemas that OpenAPI calls by name; whatever else a body holds is spelled
// out where it stands.

import { toJsonSchema } from "@valibot/to-json-schema";
import type { GenericSchema } from "valibot";
import {
  AnalyzeOptionsSchema,
  EnvelopeSchema,
} from "../../shared/schema/analysis.ts";
import { ProblemSchema } from "../../shared/schema/problem.ts";
import { TASKS } from "../../shared/tasks/index.ts";
import { Raw, ResultBox, Segment } from "../../shared/tasks/result-fields.ts";
import { Regions } from "../../shared/tasks/request-fields.ts";
import { ImageSchema } from "../analyze/image-reference.ts";
import { BatchSchema } from "../jobs/batch-operations.ts";
import {
  JobResultSchema,
  JobSchema,
  JobWithResultsSchema,
} from "../jobs/job.ts";
import { ServerEventSchema } from "../streaming/server-event.ts";
import {
  NewUploadSchema,
  PresignedSchema,
  UploadSchema,
} from "../uploads/upload-document.ts";
import { CallbackSchema } from "../webhooks/callback.ts";
import {
  DeliveryListSchema,
  DeliverySchema,
} from "../webhooks/delivery-document.ts";
import {
  EndpointSchema,
  EndpointWithSecretSchema,
  NewEndpointSchema,
} from "../webhooks/endpoint-document.ts";
import type { BodySchema } from "../operation.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** Each named schema once; a name is in PascalCase. */
const NAMED: Readonly<Record<string, GenericSchema>> = {
  ImageReference: ImageSchema,
  AnalyzeOptions: AnalyzeOptionsSchema,
  Analysis: EnvelopeSchema,
  Problem: ProblemSchema,
  Box: ResultBox,
  Segment,
  RawAnswer: Raw,
  Regions,
  Job: JobSchema,
  JobWithResults: JobWithResultsSchema,
  JobResult: JobResultSchema,
  ServerEvent: ServerEventSchema,
  NewUpload: NewUploadSchema,
  PresignedUpload: PresignedSchema,
  Upload: UploadSchema,
  Batch: BatchSchema,
  Callback: CallbackSchema,
  Delivery: DeliverySchema,
  DeliveryList: DeliveryListSchema,
  WebhookEndpoint: EndpointSchema,
  WebhookEndpointWithSecret: EndpointWithSecretSchema,
  NewWebhookEndpoint: NewEndpointSchema,
  ...taskSchemas(),
};

/** `components.schemas`. */
export function componentSchemas(): Readonly<Record<string, JsonSchema>> {
  return Object.fromEntries(
    Object.entries(NAMED).map(([name, schema]) => {
      const { [name]: own, ...others } = NAMED;
      return [name, convert(own ?? schema, others)];
    }),
  );
}

/** A body's schema, its named parts as `$ref`; JSON Schema may hold ours. */
export function bodyJsonSchema(schema: BodySchema): JsonSchema {
  if (isValibot(schema)) return convert(schema, NAMED);
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, convertWithin(value)]),
  );
}

function convertWithin(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value)
    ? value.map(convertWithin)
    : bodyJsonSchema(value as BodySchema);
}

function convert(
  schema: GenericSchema,
  definitions: Readonly<Record<string, GenericSchema>>,
): JsonSchema {
  const converted: Record<string, unknown> = {
    ...toJsonSchema(schema, {
      target: "draft-2020-12",
      typeMode: "input",
      errorMode: "ignore",
      definitions,
      overrideRef: ({ referenceId }) => `#/components/schemas/${referenceId}`,
    }),
  };
  delete converted["$schema"];
  delete converted["$defs"];
  return converted;
}

/** `CaptionTask` and `CaptionResult`, `OcrLinesTask`, … */
function taskSchemas(): Record<string, GenericSchema> {
  const named: Record<string, GenericSchema> = {};
  for (const { spelling, request, result } of TASKS) {
    const name = pascalCase(spelling);
    named[`${name}Task`] = request;
    // The variants of a task may share one result.
    if (!Object.values(named).includes(result)) named[`${name}Result`] = result;
  }
  return named;
}

function pascalCase(spelling: string): string {
  return spelling
    .split(/[_:]/u)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join("");
}

function isValibot(schema: BodySchema): schema is GenericSchema {
  return "kind" in schema && schema["kind"] === "schema";
}
