// The text of `plugins/n8n/nodes/Florence/task-table.ts`: what the n8n node has
// to know of our tasks, options and events. A test holds the file to it.

import { format } from "prettier";
import type { GenericSchema } from "valibot";
import { WEBHOOK_EVENTS } from "../../src/http/webhooks/webhook-events.ts";
import { IMAGE_MEDIA_TYPES } from "../../src/shared/image/media-type.ts";
import {
  AnalyzeOptionsSchema,
  MAX_TASKS,
} from "../../src/shared/schema/analysis.ts";
import { jsonSchemaOf } from "../../src/shared/schema/json-schema.ts";
import { TASKS, type AnyTask } from "../../src/shared/tasks/index.ts";
import {
  Labels,
  Phrase,
  Regions,
} from "../../src/shared/tasks/request-fields.ts";

const HEAD = `// What the node knows of the service's tasks, options and events. Made by
// \`node test/n8n/make-task-table.ts\` of the service's own schemas; do not edit.

`;

/** Lists a result can hold, the one that items are made of first. */
const LISTS = ["objects", "segments", "lines", "regions"] as const;

interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

/** The whole file, formatted. */
export async function taskTable(): Promise<string> {
  const parts = {
    TASKS: TASKS.map(taskRow),
    LIMITS: {
      tasks: MAX_TASKS,
      labels: schemaOf(Labels)["maxItems"],
      phraseLength: schemaOf(Phrase)["maxLength"],
      regions: schemaOf(Regions)["maxItems"],
    },
    OPTIONS: optionRows(schemaOf(AnalyzeOptionsSchema)),
    EVENTS: WEBHOOK_EVENTS.map(({ name, description }) => ({
      name,
      description,
    })),
    MEDIA_TYPES: IMAGE_MEDIA_TYPES,
  };
  const text = Object.entries(parts)
    .map(
      ([name, value]) =>
        `export const ${name} = ${JSON.stringify(value)} as const;\n`,
    )
    .join("\n");
  return await format(HEAD + text, { parser: "typescript" });
}

function taskRow(task: AnyTask): object {
  const properties = schemaOf(task.result).properties ?? {};
  const list = LISTS.find((name) => name in properties) ?? null;
  const item = list === null ? undefined : properties[list]?.items;
  return {
    spelling: task.spelling,
    name: task.name,
    variant: task.variant,
    inputs: task.inputs,
    optionalInputs: task.inputs.filter((input) => !isRequired(task, input)),
    list,
    /** A list within each of the list, such as the segments of a region. */
    innerList: LISTS.find((name) => name in (item?.properties ?? {})) ?? null,
    summary: task.summary,
  };
}

function isRequired(task: AnyTask, field: string): boolean {
  const { required } = schemaOf(task.request);
  return Array.isArray(required) && required.includes(field);
}

/** Name, values or range, and default of each option, nested ones by a dot. */
function optionRows(schema: JsonSchema, prefix = ""): Record<string, object> {
  const rows: Record<string, object> = {};
  for (const [name, option] of Object.entries(schema.properties ?? {})) {
    if (option.properties !== undefined) {
      Object.assign(rows, optionRows(option, `${prefix}${name}.`));
      continue;
    }
    const { enum: values, minimum, maximum, default: standard } = option;
    rows[prefix + name] = {
      ...(Array.isArray(values) && { values }),
      ...(minimum !== undefined && { minimum, maximum }),
      ...(standard !== undefined && { default: standard }),
    };
  }
  return rows;
}

function schemaOf(schema: GenericSchema): JsonSchema {
  return jsonSchemaOf(schema);
}
