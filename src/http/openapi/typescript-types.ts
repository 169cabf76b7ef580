// JSON Schemas as TypeScript types, for clients that know nothing of ours.

import type { JsonSchema } from "./component-schemas.ts";

const REFERENCE = "#/components/schemas/";

/** One exported type for each schema, named as it is. */
export function typescriptTypes(
  schemas: Readonly<Record<string, JsonSchema>>,
): string {
  return Object.entries(schemas)
    .map(([name, schema]) => `export type ${name} = ${typescriptType(schema)};`)
    .join("\n\n");
}

/** A schema as a type; what no schema says is `unknown`. */
export function typescriptType(schema: JsonSchema): string {
  const { $ref, const: value, type } = schema;
  if (typeof $ref === "string") return $ref.slice(REFERENCE.length);
  if (value !== undefined) return JSON.stringify(value);
  const values = listOf(schema["enum"]);
  if (values.length > 0) {
    return union(values.map((one) => JSON.stringify(one)));
  }
  const choices = schemasOf(schema["anyOf"] ?? schema["oneOf"]);
  if (choices.length > 0) return union(choices.map(typescriptType));
  switch (type) {
    case "object":
      return objectType(schema);
    case "array":
      return arrayType(schema);
    case "integer":
      return "number";
    case "string":
    case "number":
    case "boolean":
    case "null":
      return type;
    default:
      return "unknown";
  }
}

function objectType(schema: JsonSchema): string {
  const properties = Object.entries(
    (schema["properties"] ?? {}) as Record<string, JsonSchema>,
  );
  const required = listOf(schema["required"]);
  if (properties.length === 0) {
    const values = schema["additionalProperties"];
    return typeof values === "object" && values !== null
      ? `{ readonly [key: string]: ${typescriptType({ ...values })} }`
      : "{ readonly [key: string]: unknown }";
  }
  const fields = properties.map(([name, property]) => {
    const mark = required.includes(name) ? "" : "?";
    return `  readonly ${name}${mark}: ${typescriptType(property).replaceAll("\n", "\n  ")};`;
  });
  return `{\n${fields.join("\n")}\n}`;
}

function arrayType(schema: JsonSchema): string {
  const tuple = schemasOf(schema["prefixItems"]);
  if (tuple.length > 0)
    return `readonly [${tuple.map(typescriptType).join(", ")}]`;
  const items = schema["items"];
  const element =
    typeof items === "object" && items !== null
      ? typescriptType({ ...items })
      : "unknown";
  return `readonly (${element})[]`;
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(" | ");
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function schemasOf(value: unknown): readonly JsonSchema[] {
  return listOf(value) as readonly JsonSchema[];
}
