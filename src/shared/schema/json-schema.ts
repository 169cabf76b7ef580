// Our schemas as JSON Schema, for `/v1/tasks`, OpenAPI and forms.

import { toJsonSchema } from "@valibot/to-json-schema";
import * as v from "valibot";
import { TASKS } from "../tasks/index.ts";
import { AnalyzeRequestSchema, MAX_TASKS } from "./analysis.ts";

/**
 * A schema as JSON Schema (draft 2020-12), as a caller writes it: before
 * defaults. Checks that JSON Schema cannot say are left out.
 */
export function jsonSchemaOf(schema: v.GenericSchema): Record<string, unknown> {
  return {
    ...toJsonSchema(schema, {
      target: "draft-2020-12",
      typeMode: "input",
      errorMode: "ignore",
    }),
  };
}

/** The whole of a request, its image left out, with every task spelled out. */
export function requestJsonSchema(): Record<string, unknown> {
  const task = v.union(TASKS.map((one) => one.request));
  const tasks = v.pipe(v.array(task), v.minLength(1), v.maxLength(MAX_TASKS));
  return jsonSchemaOf(
    v.strictObject({ ...AnalyzeRequestSchema.entries, tasks }),
  );
}
