// What receivers are told, event by event, for the description of the API.

import * as v from "valibot";
import { IMAGE_MEDIA_TYPES } from "../../shared/image/media-type.ts";
import { EnvelopeSchema } from "../../shared/schema/analysis.ts";
import { ProblemSchema } from "../../shared/schema/problem.ts";
import { EVENT_TYPES, type EventType } from "./event-statements.ts";

export interface DescribedEvent {
  readonly name: EventType;
  readonly description: string;
  /** Of the whole body. */
  readonly schema: v.GenericSchema;
}

/** `data` of `image.uploaded`. */
export const UploadedDataSchema = v.object({
  upload_id: v.string(),
  /** `upload`, `r2` or a hook's name. */
  source: v.string(),
  /** Of the object in its bucket; null where there is none. */
  key: v.nullable(v.string()),
  media_type: v.picklist(IMAGE_MEDIA_TYPES),
  bytes: v.number(),
  sha256: v.string(),
  /** Signed for an hour, anew for each attempt; `GET /v1/uploads/{id}` gives a fresh one. */
  image_url: v.string(),
});

const analysisFields = {
  job_id: v.string(),
  /** Number of the image within the job, from 0. */
  index: v.number(),
  analysis_id: v.nullable(v.string()),
  status: v.picklist(["completed", "partial", "failed"]),
  /** Of the job, with its results. */
  url: v.string(),
  /** A sentence for people. */
  summary: v.string(),
};

const CompletedDataSchema = v.object({
  ...analysisFields,
  /** With `full`, where the body stays below 20 kB. */
  analysis: v.exactOptional(EnvelopeSchema),
});

const FailedDataSchema = v.object({
  ...analysisFields,
  /** With `full`. */
  problem: v.exactOptional(ProblemSchema),
});

const DESCRIPTIONS = {
  "image.uploaded": {
    description:
      "A picture has arrived: by an upload, an inbound hook or a bucket.",
    data: UploadedDataSchema,
  },
  "analysis.completed": {
    description: "An image of a job is answered, wholly or in part.",
    data: CompletedDataSchema,
  },
  "analysis.failed": {
    description: "An image of a job could not be answered.",
    data: FailedDataSchema,
  },
} as const satisfies Record<EventType, object>;

/** Every event that an endpoint can be told of. */
export const WEBHOOK_EVENTS: readonly DescribedEvent[] = EVENT_TYPES.map(
  (name) => ({
    name,
    description: DESCRIPTIONS[name].description,
    schema: v.object({
      type: v.literal(name),
      timestamp: v.string(),
      data: DESCRIPTIONS[name].data,
    }),
  }),
);
