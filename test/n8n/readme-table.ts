// The table of operations in the n8n package's README: titles and descriptions
// from the node's panel, what comes out from the service's schemas.

import { format } from "prettier";
import { jsonSchemaOf } from "../../src/shared/schema/json-schema.ts";
import { TASKS } from "../../src/shared/tasks/index.ts";

/** What stands around the table. */
export const MARKS = [
  "<!-- operations -->",
  "<!-- end of operations -->",
] as const;

interface Choice {
  readonly name: string;
  readonly value: string;
  readonly description?: string;
}

interface Field {
  readonly name: string;
  readonly displayOptions?: {
    readonly show?: Readonly<Record<string, readonly string[]>>;
  };
  readonly options?: readonly Choice[];
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

/** Of a result or a thing in it, what few readers look for. */
const UNTOLD = new Set(
  "id status finish_reason score_kind task detail layout dropped raw crop tile label_score box_score box_spread label_index svg_path area closed span scores unmatched".split(
    " ",
  ),
);

/** The README with its table made anew. */
export async function withTable(readme: string): Promise<string> {
  const [before, , after] = readme.split(/<!-- (?:end of )?operations -->/u);
  if (before === undefined || after === undefined) {
    throw new Error(`the README lacks ${MARKS.join(" or ")}`);
  }
  const text = `${before}${MARKS[0]}\n\n${await table()}\n${MARKS[1]}${after}`;
  return await format(text, { parser: "markdown" });
}

async function table(): Promise<string> {
  const { operationFields } = (await importNode(
    "descriptions/operation-fields",
  )) as { readonly operationFields: readonly Field[] };
  const { OPERATIONS } = (await importNode("operations")) as {
    readonly OPERATIONS: Readonly<Record<string, string | null>>;
  };
  const resources = operationFields.find(({ name }) => name === "resource");
  const rows = (resources?.options ?? []).flatMap((resource) => {
    const field = operationFields.find(
      ({ displayOptions }) =>
        displayOptions?.show?.["resource"]?.[0] === resource.value,
    );
    return (field?.options ?? []).map((operation) => [
      resource.name,
      operation.name,
      operation.description ?? "",
      fieldsOf(OPERATIONS[`${resource.value}.${operation.value}`]),
    ]);
  });
  const head = [
    "Resource",
    "Operation",
    "What it does",
    "Fields that come out",
  ];
  return [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |\n`)
    .join("");
}

/** The node's files are of n8n's own kind, which no type-check here knows. */
async function importNode(name: string): Promise<unknown> {
  return await import(`../../plugins/n8n/nodes/Florence/${name}.ts`);
}

/** @param name of a task; null for many. */
function fieldsOf(name: string | null | undefined): string {
  if (name === null) return "`results`: the fields of each task";
  const task = TASKS.find(({ spelling }) => spelling === name);
  if (task === undefined) throw new Error(`there is no task ${String(name)}`);
  return told(jsonSchemaOf(task.result));
}

/** Names of fields; of a list also what each of it has. */
function told({ properties = {} }: JsonSchema): string {
  return Object.entries(properties)
    .filter(([name]) => !UNTOLD.has(name))
    .map(([name, { items }]) => {
      const inner = items?.properties === undefined ? "" : told(items);
      return inner === "" ? `\`${name}\`` : `\`${name}\` (${inner})`;
    })
    .join(", ");
}
