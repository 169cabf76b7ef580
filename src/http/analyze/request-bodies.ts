// The bodies of an analysis as OpenAPI has them: JSON, multipart, or the image.

import * as v from "valibot";
import {
  AnalyzeRequestSchema,
  MAX_TASKS,
} from "../../shared/schema/analysis.ts";
import { TASKS } from "../../shared/tasks/index.ts";
import {
  Labels,
  Phrase,
  Regions,
  RequestId,
} from "../../shared/tasks/request-fields.ts";
import type { BodySchema } from "../operation.ts";
import { ImageSchema } from "./image-reference.ts";

const { options, metadata } = AnalyzeRequestSchema.entries;

/** Fields that tell the variants of one task apart. */
const variantFields = Object.fromEntries(
  [...new Set(TASKS.map(({ variant }) => variant?.field))].flatMap((field) =>
    field === undefined
      ? []
      : [
          [
            field,
            v.exactOptional(
              v.picklist(
                TASKS.flatMap(({ variant }) =>
                  variant?.field === field ? [variant.value] : [],
                ),
              ),
            ),
          ],
        ],
  ),
);

/** Fields of `POST /v1/analyze`, its image left out. */
export const ANALYZE_ENTRIES = {
  tasks: v.pipe(
    v.array(v.union(TASKS.map((task) => task.request))),
    v.minLength(1),
    v.maxLength(MAX_TASKS),
  ),
  options,
  metadata,
};

/** What any task takes; the path says which. */
const taskEntries = {
  id: RequestId,
  phrase: v.exactOptional(Phrase),
  labels: v.exactOptional(Labels),
  regions: v.exactOptional(Regions),
  ...variantFields,
  options,
  metadata,
};

/** The three forms of `POST /v1/analyze`. */
export const ANALYZE_BODIES = bodiesOf(ANALYZE_ENTRIES);

/** The three forms of `POST /v1/tasks/{task}`. */
export const TASK_BODIES = bodiesOf(taskEntries);

/** The three forms of a body with one image. */
export function bodiesOf(
  entries: v.ObjectEntries,
): Readonly<Record<string, BodySchema>> {
  const binary = { type: "string", format: "binary" };
  return {
    "application/json": v.strictObject({ image: ImageSchema, ...entries }),
    "multipart/form-data": {
      type: "object",
      properties: { image: binary, request: v.strictObject(entries) },
      required: ["image", "request"],
      additionalProperties: false,
    },
    "image/jpeg": binary,
    "image/png": binary,
    "image/webp": binary,
  };
}
