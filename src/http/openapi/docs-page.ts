// The API document as one page: no script, nothing from elsewhere.

import { escapeXml } from "../../shared/render/escape-xml.ts";
import type { JsonSchema } from "./component-schemas.ts";
import type { OpenApiDocument } from "./openapi-document.ts";
import { typescriptType } from "./typescript-types.ts";

/** An operation as the document has it. */
interface Described {
  readonly method: string;
  readonly path: string;
  readonly operation: JsonSchema;
}

const STYLE = `
  :root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent) }
  body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 60rem; padding: 1.5rem }
  h1 { margin: 0 } h2 { margin: 2.5rem 0 .5rem; font-size: 1.2rem }
  code, pre { font: 13px/1.5 ui-monospace, monospace }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: .75rem; border: 1px solid var(--line); border-radius: .4rem }
  details { border: 1px solid var(--line); border-radius: .4rem; margin: .4rem 0; padding: .4rem .75rem }
  summary { cursor: pointer } summary span { opacity: .7 }
  .method { display: inline-block; width: 4.2rem; font-weight: 700 }
  .get { color: #2563eb } .post { color: #15803d } .put { color: #a16207 } .delete { color: #b91c1c }
  table { border-collapse: collapse; width: 100% }
  th, td { text-align: left; vertical-align: top; padding: .3rem .75rem .3rem 0; border-top: 1px solid var(--line) }
  th { white-space: nowrap; font-weight: 600 }
`;

/** The page of a document. */
export function docsPage(document: OpenApiDocument): string {
  const info = recordOf(document["info"]);
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): Described => ({
      method,
      path,
      operation,
    })),
  );
  const tags = [...new Set(operations.map(tagOf))];
  const schemas = recordOf(recordOf(document["components"])["schemas"]);
  const names = Object.keys(schemas);
  const events = Object.entries(recordOf(document["webhooks"])).map(
    ([path, item]): Described => ({
      method: "post",
      path,
      operation: recordOf(recordOf(item)["post"]),
    }),
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${text(info["title"])}</title>
<style>${STYLE}</style>
<h1>${text(info["title"])}</h1>
<p>${text(info["summary"])} ${prose(info["description"])}</p>
<p>As a file: <a href="/openapi.json">/openapi.json</a>. Authenticate with <code>Authorization: Bearer …</code>.</p>
${tags.map((tag) => section(tag, operations, names)).join("\n")}
<h2>Events we send</h2>
${events.map((one) => operationDetails(one, names)).join("\n")}
<h2>Schemas</h2>
${Object.entries(schemas)
  .map(([name, schema]) => schemaDetails(name, schema, names))
  .join("\n")}
</html>
`;
}

function section(
  tag: string,
  operations: readonly Described[],
  names: readonly string[],
): string {
  const own = operations.filter((one) => tagOf(one) === tag);
  return `<h2>${text(tag)}</h2>\n${own.map((one) => operationDetails(one, names)).join("\n")}`;
}

function operationDetails(
  { method, path, operation }: Described,
  names: readonly string[],
): string {
  const { description, requestBody } = operation;
  return `<details id="${text(operation["operationId"])}">
<summary><code><b class="method ${text(method)}">${text(method.toUpperCase())}</b>${text(path)}</code> <span>${text(operation["summary"])}</span></summary>
${description === undefined ? "" : `<p>${prose(description)}</p>`}
<p>${access(operation)}</p>
${parameterTable(operation["parameters"])}
${requestBody === undefined ? "" : `<h3>Body</h3>${contents(requestBody, names)}`}
<h3>Answers</h3>
<table>${Object.entries(recordOf(operation["responses"]))
    .map(([status, response]) => answerRow(status, response, names))
    .join("")}</table>
</details>`;
}

function access({ security }: JsonSchema): string {
  const [first] = Array.isArray(security) ? (security as unknown[]) : [];
  if (first === undefined) return "Needs no key.";
  const scopes = recordOf(first)["bearer"];
  return `Needs a key with the scope <code>${text(Array.isArray(scopes) ? scopes.join(", ") : "")}</code>.`;
}

function parameterTable(parameters: unknown): string {
  if (!Array.isArray(parameters)) return "";
  const rows = (parameters as unknown[]).map((one) => {
    const { name, in: place, required, description } = recordOf(one);
    const need = required === true ? ", required" : "";
    return `<tr><th><code>${text(name)}</code></th><td>${text(place)}${need}</td><td>${prose(description)}</td></tr>`;
  });
  return `<h3>Parameters</h3><table>${rows.join("")}</table>`;
}

function answerRow(
  status: string,
  response: unknown,
  names: readonly string[],
): string {
  const { description } = recordOf(response);
  const isError = Number(status) >= 400;
  return `<tr><th>${text(status)}</th><td>${prose(description)}${isError ? "" : contents(response, names)}</td></tr>`;
}

function contents(holder: unknown, names: readonly string[]): string {
  return Object.entries(recordOf(recordOf(holder)["content"]))
    .map(([mediaType, content]) => {
      const { schema, example } = recordOf(content);
      const shown =
        example === undefined
          ? ""
          : `<pre>${text(JSON.stringify(example, null, 2))}</pre>`;
      return `<p><code>${text(mediaType)}</code></p>${typeBlock(schema, names)}${shown}`;
    })
    .join("");
}

function schemaDetails(
  name: string,
  schema: unknown,
  names: readonly string[],
): string {
  return `<details id="schema-${text(name)}"><summary><code>${text(name)}</code></summary>${typeBlock(schema, names)}</details>`;
}

/** A schema as the type it is; names of schemas lead to them. */
function typeBlock(schema: unknown, names: readonly string[]): string {
  const type = typescriptType(recordOf(schema)).replaceAll("readonly ", "");
  const linked = text(type).replaceAll(/\b[A-Z]\w+\b/gu, (word) =>
    names.includes(word) ? `<a href="#schema-${word}">${word}</a>` : word,
  );
  return `<pre>${linked}</pre>`;
}

function tagOf({ operation }: Described): string {
  const tags = operation["tags"];
  return Array.isArray(tags) ? String(tags[0]) : "";
}

/** Text whose code spans are in backticks. */
function prose(value: unknown): string {
  return text(value).replaceAll(/`([^`]+)`/gu, "<code>$1</code>");
}

function text(value: unknown): string {
  return typeof value === "string" ? escapeXml(value) : "";
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
