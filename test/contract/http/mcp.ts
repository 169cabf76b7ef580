// The Model Context Protocol, spoken by the official client.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { HttpCase, HttpTarget } from "./http-case.ts";

const PHOTO = readFileSync(
  new URL("../../golden/photos/boat.jpg", import.meta.url),
).toString("base64");

export const CASES: readonly HttpCase[] = [
  {
    name: "lists every task as a tool with its schemas",
    run: (target) =>
      withClient(target, async (client) => {
        const { tools } = await client.listTools();
        assert.equal(tools.length, 15);
        const open = tools.find(({ name }) => name === "detect_open");
        assert.deepEqual(open?.inputSchema.required, ["image", "labels"]);
        const lines = tools.find(({ name }) => name === "ocr_lines");
        assert.ok(!("layout" in (lines?.inputSchema.properties ?? {})));
      }),
  },
  {
    name: "answers a tool's call as text and as structured content",
    run: (target) =>
      withClient(target, async (client) => {
        // The client holds the answer to the tool's output schema.
        await client.listTools();
        const answer = await client.callTool({
          name: "caption",
          arguments: { image: { base64: PHOTO } },
        });
        assert.ok(answer.isError !== true, JSON.stringify(answer));
        const result = answer.structuredContent as Record<string, unknown>;
        assert.equal(result["task"], "caption");
        assert.equal(result["detail"], "short");
        const [content] = answer.content as { type: string; text: string }[];
        assert.deepEqual(JSON.parse(content!.text), result);
      }),
  },
  {
    name: "gives the annotated picture when it is asked for",
    run: (target) =>
      withClient(target, async (client) => {
        const answer = await client.callTool({
          name: "detect",
          arguments: { image: { base64: PHOTO }, annotated: true },
        });
        const content = answer.content as Record<string, string>[];
        assert.equal(content[1]?.["type"], "image", JSON.stringify(content));
        assert.equal(content[1]["mimeType"], "image/png");
        const png = Buffer.from(content[1]["data"]!, "base64");
        assert.equal(png.subarray(1, 4).toString(), "PNG");
      }),
  },
  {
    name: "says what was wrong with a call as a result an agent can read",
    run: (target) =>
      withClient(target, async (client) => {
        const calls: readonly (readonly [string, object, RegExp])[] = [
          ["detect_open", { image: { base64: PHOTO } }, /needs labels/u],
          ["caption", {}, /image/u],
          ["caption", { image: { base64: "AAAA" } }, /unsupported_media/u],
          ["caption", { image: { base64: PHOTO }, x: 1 }, /unknown field/u],
          ["paint", { image: { base64: PHOTO } }, /no tool "paint"/u],
        ];
        for (const [name, given, expected] of calls) {
          const answer = await client.callTool({
            name,
            arguments: { ...given },
          });
          assert.equal(answer.isError, true, name);
          const [content] = answer.content as { text: string }[];
          assert.match(content!.text, expected);
        }
      }),
  },
];

async function withClient(
  target: HttpTarget,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const client = new Client({ name: "contract", version: "1.0.0" });
  const transport = new StreamableHTTPClientTransport(
    new URL(`${target.origin}/mcp`),
    {
      requestInit: {
        headers: { Authorization: `Bearer ${target.keys.first}` },
      },
      fetch: (url, init) => target.fetch(new URL(url).pathname, init),
    },
  );
  // The SDK's own type says `sessionId?: string` where the class has `| undefined`.
  await client.connect(transport);
  try {
    await work(client);
  } finally {
    await client.close();
  }
}
