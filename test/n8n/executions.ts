// What n8n keeps of an execution, as its panel shows it: the items of each node,
// their files, and the error with its item.

import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { N8n } from "./n8n-process.ts";
import type { Item } from "./operation-cases.ts";

/** A file of an item: its bytes, or where they are. */
export interface KeptFile {
  readonly mimeType: string;
  readonly fileName?: string;
  /** In binary mode filesystem. */
  readonly id?: string;
  /** Base64, in binary mode default. */
  readonly data: string;
}

export interface KeptItem {
  readonly json: Item;
  readonly binary?: Readonly<Record<string, KeptFile>>;
  readonly pairedItem?: { readonly item: number };
}

/** The red box of the panel. */
export interface ShownError {
  readonly message: string;
  readonly description?: string | null;
  readonly context?: { readonly itemIndex?: number };
}

export interface Execution {
  readonly id: string;
  readonly status: string;
  /** Items that came out of each node. */
  readonly items: Readonly<Record<string, readonly KeptItem[]>>;
  /** Items that came out of each node's error output. */
  readonly failed: Readonly<Record<string, readonly KeptItem[]>>;
  readonly error: ShownError | null;
}

interface RunData {
  readonly data?: { readonly main?: readonly (readonly KeptItem[] | null)[] };
  readonly error?: ShownError;
}

/** How many executions of a workflow are over. */
export async function countExecutions(n8n: N8n, id: string): Promise<number> {
  return (await listExecutions(n8n, id)).length;
}

/**
 * The latest execution of a workflow, once it is over.
 *
 * @param tree of n8n, whose own format the data is in.
 */
export async function latestExecution(
  n8n: N8n,
  tree: string,
  workflowId: string,
): Promise<Execution> {
  const [latest] = await listExecutions(n8n, workflowId);
  if (latest === undefined) throw new Error(`${workflowId} was never run`);
  const { data, status } = (await n8n.rest(
    "GET",
    `/rest/executions/${latest.id}`,
  )) as { readonly data: string; readonly status: string };
  const { parse } = createRequire(join(tree, "package.json"))("flatted") as {
    readonly parse: (text: string) => unknown;
  };
  const { resultData } = parse(data) as {
    readonly resultData: {
      readonly runData: Readonly<Record<string, readonly RunData[]>>;
      readonly error?: ShownError;
    };
  };
  const outputOf = (
    index: number,
  ): Readonly<Record<string, readonly KeptItem[]>> =>
    Object.fromEntries(
      Object.entries(resultData.runData).map(([node, [run]]) => [
        node,
        run?.data?.main?.[index] ?? [],
      ]),
    );
  return {
    id: latest.id,
    status,
    items: outputOf(0),
    failed: outputOf(1),
    error: resultData.error ?? null,
  };
}

/** Bytes of a file that an execution kept. */
export async function readFileOf(n8n: N8n, file: KeptFile): Promise<Buffer> {
  return file.id === undefined
    ? Buffer.from(file.data, "base64")
    : await n8n.bytes(
        `/rest/binary-data?action=view&id=${encodeURIComponent(file.id)}`,
      );
}

/** Waits for what comes a moment later. */
export async function until(
  isTrue: () => Promise<boolean> | boolean,
  seconds = 30,
): Promise<void> {
  for (let tries = 0; tries < seconds * 5; tries += 1) {
    if (await isTrue()) return;
    await wait(200);
  }
  throw new Error(`it did not come about within ${seconds} s`);
}

/** Those of a workflow, the latest first, once none is under way. */
async function listExecutions(
  n8n: N8n,
  workflowId: string,
): Promise<readonly { readonly id: string }[]> {
  const filter = encodeURIComponent(JSON.stringify({ workflowId }));
  let all: readonly { readonly id: string; readonly stoppedAt?: string }[] = [];
  await until(async () => {
    const { results } = (await n8n.rest(
      "GET",
      `/rest/executions?limit=100&filter=${filter}`,
    )) as { readonly results: typeof all };
    all = results;
    return all.every(({ stoppedAt }) => (stoppedAt ?? null) !== null);
  });
  return all;
}
