// The workflows that users import, as they import them: the file as it is, then
// a credential chosen and addresses filled in.

import { readdirSync, readFileSync } from "node:fs";
import type { N8n } from "./n8n-process.ts";

const FOLDER = new URL("../../plugins/n8n/workflows/", import.meta.url);

export interface ExampleNode {
  readonly name: string;
  readonly type: string;
  readonly typeVersion: number;
  readonly position: readonly [number, number];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly credentials?: object;
  readonly webhookId?: string;
}

type Connection = readonly { readonly node: string }[] | null;

export interface Example {
  readonly name: string;
  readonly nodes: readonly ExampleNode[];
  readonly connections: Readonly<
    Record<string, Readonly<Record<string, readonly Connection[]>>>
  >;
  readonly settings: object;
}

/** What a user does after an import. */
export interface SetUp {
  /** Id of the Florence credential to choose. */
  readonly florence: string;
  /** Id of the chat model's credential to choose. */
  readonly chatModel?: string;
  /** Addresses of the file, and the user's own in their place. */
  readonly addresses?: Readonly<Record<string, string>>;
  /** Another version of nodes of a type than the file's. */
  readonly versions?: Readonly<Record<string, number>>;
}

const CHAT_MODEL = "@n8n/n8n-nodes-langchain.lmChatOpenAi";

/** Names of the files. */
export function exampleFiles(): string[] {
  return readdirSync(FOLDER).sort();
}

export function readExample(file: string): Example {
  return JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as Example;
}

/** Imports a file as the editor does, and gives the new workflow's id. */
export async function importExample(
  n8n: N8n,
  file: string,
  setUp: SetUp,
): Promise<string> {
  const example = readExample(file);
  const nodes = example.nodes.map((node) => setUpNode(node, setUp));
  const { id } = (await n8n.rest("POST", "/rest/workflows", {
    ...example,
    nodes,
  })) as { readonly id: string };
  return id;
}

function setUpNode(node: ExampleNode, setUp: SetUp): ExampleNode {
  const { florence, chatModel, addresses = {}, versions = {} } = setUp;
  const choose = (type: string, id: string | undefined): object =>
    id === undefined ? {} : { credentials: { [type]: { id, name: id } } };
  return {
    ...node,
    parameters: Object.fromEntries(
      Object.entries(node.parameters).map(([name, value]) => [
        name,
        typeof value === "string" ? (addresses[value] ?? value) : value,
      ]),
    ),
    typeVersion: versions[node.type] ?? node.typeVersion,
    ...(node.type.startsWith("n8n-nodes-florence.") &&
      choose("florenceApi", florence)),
    ...(node.type === CHAT_MODEL && choose("openAiApi", chatModel)),
  };
}

/**
 * Runs a workflow as the editor's button does.
 *
 * @param item that the trigger gives; its own if left out.
 */
export async function runByHand(
  n8n: N8n,
  id: string,
  trigger: string,
  item?: object,
): Promise<void> {
  await n8n.rest("POST", `/rest/workflows/${id}/run`, {
    triggerToStartFrom: {
      name: trigger,
      ...(item !== undefined && {
        data: {
          startTime: 0,
          executionTime: 0,
          executionIndex: 0,
          source: [null],
          data: { main: [[{ json: item }]] },
        },
      }),
    },
  });
}
