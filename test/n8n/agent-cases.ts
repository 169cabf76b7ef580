// The node as a tool of n8n's AI Agent: what the model is told of it, what it may
// pass, and what comes back to it.

import assert from "node:assert/strict";
import {
  startChatServer,
  type ChatReply,
  type ChatRequest,
  type ChatServer,
  type ChatTool,
} from "../fakes/chat-server.ts";
import { startUserSite } from "../fakes/user-site.ts";
import type { Bench, CaseGroup } from "./bench.ts";
import { importExample, runByHand, type SetUp } from "./example-workflows.ts";
import { until, type Execution } from "./executions.ts";

const AGENT = "@n8n/n8n-nodes-langchain.agent";

/** The one that a new Agent node has, which the file has too, and an older one. */
const VERSIONS = [3.1, 2.2];

export const AGENTS: CaseGroup = {
  async check(bench) {
    const site = await startUserSite();
    const chat = await startChatServer(reply);
    const photo = `${site.origin}/surfer.jpg`;
    try {
      const { id: chatModel } = (await bench.n8n.rest(
        "POST",
        "/rest/credentials",
        {
          name: "chat",
          type: "openAiApi",
          data: { apiKey: "sk-test", url: chat.baseUrl, header: false },
        },
      )) as { readonly id: string };
      for (const version of VERSIONS) {
        const asked = chat.requests.length;
        const ask = async (question: string): Promise<Execution> =>
          await askAgent(bench, question, {
            florence: "box",
            chatModel,
            versions: { [AGENT]: version },
          });
        await bench.test(`agent ${version}: finds things by its labels`, () =>
          checkFind(ask, photo),
        );
        await bench.test(`agent ${version}: describes a picture`, async () => {
          const { items } = await ask(`What is on ${photo}?`);
          const { output } = items["Agent"]?.[0]?.json ?? {};
          assert.match(String(output), /^The tool says: .*\bsurfboard\b/su);
        });
        await bench.test(`agent ${version}: is told why a tool fails`, () =>
          checkFailure(ask, `${site.origin}/nothing.jpg`),
        );
        await bench.test(`agent ${version}: knows what to pass`, () => {
          checkTools(chat, asked);
        });
      }
    } finally {
      await Promise.all([site.close(), chat.close()]);
    }
  },
};

/**
 * The language model: calls one tool with what it finds in the question, then
 * answers with what the tool gave.
 */
function reply({ messages }: ChatRequest): ChatReply {
  const last = messages.at(-1);
  const said = textOf(last?.content);
  if (last?.role === "tool") return { text: `The tool says: ${said}` };
  const [address = ""] = /https?:\S+\.jpg/u.exec(said) ?? [];
  if (said.startsWith("Are there")) {
    return {
      tool: "Find_Things_in_a_Picture",
      given: { image_url: address, labels: "person, dog" },
    };
  }
  return {
    tool: said.startsWith("Read") ? "Read_the_Text" : "Describe_a_Picture",
    given: { image_url: address },
  };
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return Array.isArray(content)
    ? (content as { text?: string }[]).map(({ text = "" }) => text).join("")
    : "";
}

async function askAgent(
  { executions, latest, n8n }: Bench,
  question: string,
  setUp: SetUp,
): Promise<Execution> {
  const id = await importExample(n8n, "agent-that-sees.json", setUp);
  await runByHand(n8n, id, "When a Message Comes", {
    sessionId: "test",
    action: "sendMessage",
    chatInput: question,
  });
  await until(async () => (await executions(id)) > 0);
  const execution = await latest(id);
  assert.equal(execution.error, null, JSON.stringify(execution.error));
  return execution;
}

async function checkFind(
  ask: (question: string) => Promise<Execution>,
  photo: string,
): Promise<void> {
  const { items } = await ask(`Are there persons or dogs on ${photo} ?`);
  const { output } = items["Agent"]?.[0]?.json ?? {};
  assert.match(String(output), /"label":"person","found":true/u);
  assert.match(String(output), /"label":"dog","found":false/u);
  assert.match(String(output), /"count":1/u);
}

/** The page has no such picture. */
async function checkFailure(
  ask: (question: string) => Promise<Execution>,
  photo: string,
): Promise<void> {
  const { items } = await ask(`Read ${photo}`);
  const { output } = items["Agent"]?.[0]?.json ?? {};
  assert.match(String(output), /Address not readable/u);
}

/** What a language model has to go by: nothing else tells it what to pass. */
function checkTools({ requests }: ChatServer, from: number): void {
  const tools: readonly ChatTool[] = requests[from]?.tools ?? [];
  const told = tools.map(({ function: { name, description, parameters } }) => ({
    name,
    description,
    parameters: Object.entries(parameters.properties ?? {}),
    required: parameters.required ?? [],
  }));
  assert.deepEqual(told.map(({ name }) => name).sort(), [
    "Describe_a_Picture",
    "Find_Things_in_a_Picture",
    "Read_the_Text",
  ]);
  for (const { description, parameters, required } of told) {
    assert.match(description, /\bpicture\b.*\bReturns\b/su);
    assert.deepEqual(
      required,
      parameters.map(([name]) => name),
    );
    for (const [name, { type, description: about }] of parameters) {
      assert.equal(type, "string", name);
      assert.match(
        about ?? "",
        name === "labels" ? /separated by commas/u : /http or https address/u,
      );
    }
  }
}
