// The schemas of all files of the data engine as JSON Schema.

import { jsonSchemaOf } from "../shared/schema/json-schema.ts";
import { FilterOptionsSchema } from "./filter/filter-options.ts";
import { PhotoRecordSchema } from "./records/record.ts";
import { RoundReportSchema } from "./refine/refine.ts";
import { LabelsSchema } from "./specialists/human.ts";

/** Names of the schemas. */
export const SCHEMA_NAMES = ["record", "labels", "options", "round"] as const;

export type SchemaName = (typeof SCHEMA_NAMES)[number];

const SCHEMAS = {
  record: PhotoRecordSchema,
  labels: LabelsSchema,
  options: FilterOptionsSchema,
  round: RoundReportSchema,
};

/** A line of records, of labels or of rounds, or the options of `filter`. */
export function dataEngineSchema(name: SchemaName): Record<string, unknown> {
  return jsonSchemaOf(SCHEMAS[name]);
}
