// Every task as a tool of the Model Context Protocol.

import type { CallToolResult, Tool } from "@modelcontextprotocol/sdk/types.js";
import * as v from "valibot";
import { FlorenceError, isFlorenceError } from "../../shared/errors.ts";
import { parseAnalyzeRequest } from "../../shared/schema/analysis.ts";
import { jsonSchemaOf } from "../../shared/schema/json-schema.ts";
import { parseTask, TASKS, type AnyTask } from "../../shared/tasks/index.ts";
import type {
  Analyzer,
  AnalyzerOptions,
  AnalyzerRequest,
} from "../analyze/analyzer.ts";
import { parseImageReference } from "../analyze/image-reference.ts";
import type { Principal } from "../principal.ts";

/** What every tool takes beside the task's own fields. */
const Shared = v.object({
  image: v.pipe(
    v.union([
      v.strictObject({ url: v.string() }),
      v.strictObject({ base64: v.string() }),
    ]),
    v.description("The picture: an address anyone can reach, or its bytes."),
  ),
  annotated: v.pipe(
    v.exactOptional(v.boolean()),
    v.description("Also give the picture with what was found drawn on it."),
  ),
});

/** The tools, in the order of the task table. */
export function listTools(): Tool[] {
  return TASKS.map((task) => ({
    name: toolName(task),
    description: task.summary,
    inputSchema: inputSchema(task),
    outputSchema: objectSchema(jsonSchemaOf(task.result)),
    annotations: { readOnlyHint: true, openWorldHint: true },
  }));
}

/**
 * Calls a tool. A caller's mistake is a result that says what to do, so that an
 * agent can try again.
 *
 * @throws what is a bug of ours.
 */
export async function callTool(
  name: string,
  given: Readonly<Record<string, unknown>>,
  { analyzer, principal, call }: ToolContext,
): Promise<CallToolResult> {
  try {
    const task = TASKS.find((one) => toolName(one) === name);
    if (task === undefined) throw unknownTool(name);
    const asked = requestOf(task, given);
    const envelope = await analyzer.analyze(asked, principal, call);
    const [result] = envelope.results;
    if (result === undefined) throw new Error("internal: no result");
    const { rendering } = envelope;
    return {
      content: [
        { type: "text", text: JSON.stringify(result) },
        ...(rendering === undefined
          ? []
          : [
              {
                type: "image" as const,
                data: rendering.base64,
                mimeType: rendering.media_type,
              },
            ]),
      ],
      structuredContent: { ...result },
    };
  } catch (error) {
    if (!isFlorenceError(error)) throw error;
    const text = `${error.code}: ${error.message}`;
    return { content: [{ type: "text", text }], isError: true };
  }
}

export interface ToolContext {
  readonly analyzer: Analyzer;
  readonly principal: Principal;
  /** Of the request that the tool is called by. */
  readonly call: AnalyzerOptions;
}

function requestOf(
  task: AnyTask,
  given: Readonly<Record<string, unknown>>,
): AnalyzerRequest {
  const { image, annotated = false, ...fields } = given;
  if (typeof annotated !== "boolean") {
    throw new FlorenceError("invalid_request", "annotated: true or false.");
  }
  const named = {
    ...fields,
    task: task.name,
    ...(task.variant !== null && { [task.variant.field]: task.variant.value }),
  };
  return {
    ...parseAnalyzeRequest({
      tasks: [parseTask(named, "")],
      options: { render: { format: annotated ? "png" : "none" } },
    }),
    image: parseImageReference(image),
  };
}

/** Names of tools have no colon. */
function toolName({ spelling }: AnyTask): string {
  return spelling.replaceAll(":", "_");
}

/** The task's own fields; what its name says already is left out. */
function inputSchema({ request, variant }: AnyTask): Tool["inputSchema"] {
  const shared = jsonSchemaOf(Shared);
  const own = jsonSchemaOf(request);
  const said = ["task", "id", ...(variant === null ? [] : [variant.field])];
  const properties = Object.entries(own["properties"] as object).filter(
    ([name]) => !said.includes(name),
  );
  const required = (own["required"] as string[]).filter(
    (name) => !said.includes(name),
  );
  return {
    type: "object",
    properties: {
      ...(shared["properties"] as object),
      ...Object.fromEntries(properties),
    },
    required: ["image", ...required],
    additionalProperties: false,
  };
}

function objectSchema(
  schema: Record<string, unknown>,
): NonNullable<Tool["outputSchema"]> {
  return { ...schema, type: "object" };
}

function unknownTool(name: string): FlorenceError {
  return new FlorenceError(
    "unknown_task",
    `There is no tool ${JSON.stringify(name.slice(0, 60))}. There is: ${TASKS.map(toolName).join(", ")}.`,
  );
}
