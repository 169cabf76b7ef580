// `POST /mcp`: the Model Context Protocol over Streamable HTTP, without
// sessions: every request stands alone, on whichever isolate it lands.

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import * as v from "valibot";
import type { Analyzer } from "../analyze/analyzer.ts";
import { callOf } from "../analyze/call-of.ts";
import { DEADLINE, deadlineSignal } from "../analyze/deadline.ts";
import type { Host } from "../host.ts";
import { API_VERSION } from "../openapi/api-version.ts";
import { EXAMPLE_IMAGE } from "../openapi/examples.ts";
import type { Operation, OperationResponse } from "../operation.ts";
import { callTool, listTools, type ToolContext } from "./tools.ts";

const Message = v.looseObject({ jsonrpc: v.literal("2.0") });

/** A request, or a notification, which has no id. */
const SentMessage = v.strictObject({
  jsonrpc: v.literal("2.0"),
  id: v.exactOptional(v.union([v.string(), v.pipe(v.number(), v.integer())])),
  method: v.string(),
  // What a method takes is said by the tools; a fault in it is an answer.
  params: v.exactOptional(v.looseObject({})),
});

const ANSWER: OperationResponse = {
  description: "A JSON-RPC response.",
  content: { "application/json": v.union([Message, v.array(Message)]) },
};

const REFUSAL: OperationResponse = {
  description: "A JSON-RPC error: the transport refuses the request.",
  content: { "application/json": Message },
};

export function mcpOperations(
  host: Host,
  analyzer: Analyzer,
): readonly Operation[] {
  return [
    {
      method: "POST",
      path: "/mcp",
      operationId: "mcp",
      tag: "Agents",
      summary: "Model Context Protocol: every task is a tool",
      description:
        "Streamable HTTP without sessions. A tool takes `image` by URL or in base64 and the task's own fields; with `annotated` the picture comes back with what was found drawn on it.",
      access: "analyze",
      parameters: [
        DEADLINE,
        {
          name: "Accept",
          in: "header",
          description: "The transport wants both media types named.",
          isRequired: true,
          schema: { const: "application/json, text/event-stream" },
        },
      ],
      body: {
        isRequired: true,
        content: { "application/json": SentMessage },
        examples: {
          "application/json": {
            jsonrpc: "2.0",
            id: 1,
            method: "tools/call",
            params: { name: "caption", arguments: { image: EXAMPLE_IMAGE } },
          },
        },
      },
      responses: {
        200: ANSWER,
        202: { description: "A notification was taken." },
        400: REFUSAL,
        406: REFUSAL,
        413: REFUSAL,
        415: REFUSAL,
      },
      problems: [],
      async handle(context) {
        const server = createServer({
          analyzer,
          principal: context.get("principal"),
          call: {
            ...callOf(host, context),
            signal: deadlineSignal(context.req.raw),
          },
        });
        const transport = new WebStandardStreamableHTTPServerTransport({
          enableJsonResponse: true,
          maxRequestBodySize: host.limits.maxJsonBytes,
        });
        await server.connect(transport);
        const work = transport.handleRequest(context.req.raw);
        host.keepAlive?.(work, context);
        try {
          return await work;
        } finally {
          await server.close();
        }
      },
    },
  ];
}

function createServer(context: ToolContext): McpServer {
  const server = new McpServer(
    { name: "florence-at-the-edge", version: API_VERSION },
    {
      capabilities: { tools: {} },
      instructions:
        "Looks at pictures: captions, objects, outlines, text. Boxes are in pixels of the picture as sent.",
      // Used for elicitation only, which this server does not do; the SDK's own
      // makes code from schemas, which workerd forbids.
      jsonSchemaValidator: {
        getValidator: () => {
          throw new Error("internal: this server elicits nothing");
        },
      },
    },
  );
  server.server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: listTools(),
  }));
  server.server.setRequestHandler(CallToolRequestSchema, ({ params }) =>
    callTool(params.name, params.arguments ?? {}, context),
  );
  return server;
}
