// A server that speaks OpenAI's chat protocol and says what a script tells it:
// the language model of an agent in a test.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** One message of a conversation, as the protocol has it. */
export interface ChatMessage {
  readonly role: string;
  readonly content?: unknown;
  readonly tool_call_id?: string;
}

/** A tool that the model may call; `parameters` is a JSON Schema. */
export interface ChatTool {
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: {
      readonly properties?: Readonly<
        Record<
          string,
          { readonly type?: string; readonly description?: string }
        >
      >;
      readonly required?: readonly string[];
    };
  };
}

export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly ChatTool[];
  readonly stream?: boolean;
}

/** What the model says: a text, or that a tool be called. */
export type ChatReply =
  { readonly text: string } | { readonly tool: string; readonly given: object };

export interface ChatServer {
  /** Base URL as its clients want it, with `/v1`. */
  readonly baseUrl: string;
  readonly requests: readonly ChatRequest[];
  close(): Promise<void>;
}

/** Starts one; its starter closes it. */
export async function startChatServer(
  reply: (request: ChatRequest) => ChatReply,
): Promise<ChatServer> {
  const requests: ChatRequest[] = [];
  const server = createServer((request, response) => {
    void readJson(request).then((body) => {
      if (request.url !== "/v1/chat/completions") {
        response.writeHead(404).end();
        return;
      }
      const asked = body as ChatRequest;
      requests.push(asked);
      const said = reply(asked);
      if (asked.stream === true) {
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        response.end(
          [chunkOf(said, requests.length), "[DONE]"]
            .map((data) => `data: ${data}\n\n`)
            .join(""),
        );
        return;
      }
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(completionOf(said, requests.length));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

const ABOUT = { created: 0, model: "scripted" };

function completionOf(said: ChatReply, number: number): string {
  return JSON.stringify({
    id: `chatcmpl-${number}`,
    object: "chat.completion",
    ...ABOUT,
    choices: [
      {
        index: 0,
        message: { role: "assistant", ...messageOf(said, number) },
        finish_reason: endOf(said),
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  });
}

/** All that is said, in one event of a stream. */
function chunkOf(said: ChatReply, number: number): string {
  return JSON.stringify({
    id: `chatcmpl-${number}`,
    object: "chat.completion.chunk",
    ...ABOUT,
    choices: [
      {
        index: 0,
        delta: { role: "assistant", ...messageOf(said, number) },
        finish_reason: endOf(said),
      },
    ],
  });
}

function messageOf(said: ChatReply, number: number): object {
  if ("text" in said) return { content: said.text };
  const call = {
    index: 0,
    id: `call_${number}`,
    type: "function",
    function: { name: said.tool, arguments: JSON.stringify(said.given) },
  };
  return { content: null, tool_calls: [call] };
}

function endOf(said: ChatReply): string {
  return "text" in said ? "stop" : "tool_calls";
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? null : JSON.parse(text);
}
