// What every group of cases is given: n8n with the workflows of all groups, the
// services behind it, and one way to ask.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { LoopbackService } from "../http/loopback-service.ts";
import type { NodeTarget } from "../server/node-target.ts";
import {
  countExecutions,
  latestExecution,
  readFileOf,
  type Execution,
  type KeptFile,
} from "./executions.ts";
import type { Flow } from "./flows.ts";
import type { Front } from "./front.ts";
import type { N8n, N8nOptions } from "./n8n-process.ts";
import type { Item } from "./operation-cases.ts";

/** Some workflows, and what they show. */
export interface CaseGroup {
  readonly flows?: readonly Flow[];
  /** Workflows that do not begin with a webhook of ours. */
  readonly workflows?: readonly object[];
  check(bench: Bench): Promise<void>;
}

/** The services by the name of the credential that leads there. */
export interface Services {
  /** `florence serve` with the box model. */
  readonly box: NodeTarget;
  /** All 15 tasks, by script. */
  readonly scripted: LoopbackService;
  /** Before `box`. */
  readonly front: Front;
  /** Before `scripted`. */
  readonly scriptedFront: Front;
}

/** A photo of the examples, a form with files, or fields as JSON. */
export type Sent = string | FormData | Readonly<Record<string, unknown>>;

export interface Bench extends Services {
  readonly n8n: N8n;
  readonly binaryMode: N8nOptions["binaryMode"];
  readonly userFolder: string;
  /** Runs a case and counts it; a failure does not end the run. */
  readonly test: (name: string, body: () => unknown) => Promise<void>;
  /** Notes a row of the table. */
  readonly row: (...cells: readonly (string | number)[]) => void;
  /** @param meanwhile done while n8n is down. */
  readonly restart: (meanwhile?: () => void) => Promise<void>;
  /** Publishes a workflow, and waits until its webhook is there. */
  readonly activate: (id: string) => Promise<void>;
  readonly send: (id: string, sent: Sent) => Promise<Response>;
  /** The items that come out of a workflow, whose table row is noted. */
  readonly ask: (
    id: string,
    sent: Sent,
    row?: { readonly name?: string; readonly photo?: string },
  ) => Promise<Item[]>;
  /** Sends, whatever is answered, and gives what n8n kept of it. */
  readonly run: (id: string, sent: Sent) => Promise<Execution>;
  readonly latest: (id: string) => Promise<Execution>;
  readonly executions: (id: string) => Promise<number>;
  readonly file: (kept: KeptFile | undefined) => Promise<Buffer>;
}

/** Of the run, which `createBench` gives to each group. */
export interface BenchOptions extends Services {
  readonly tree: string;
  readonly userFolder: string;
  readonly binaryMode: N8nOptions["binaryMode"];
  readonly n8n: () => N8n;
  readonly restart: Bench["restart"];
  readonly test: Bench["test"];
  readonly row: Bench["row"];
  /** The service that a workflow asks. */
  readonly serverOf: (id: string) => string;
}

const PHOTOS = new URL("../../examples/photos/", import.meta.url);

export function readPhoto(name: string): Buffer<ArrayBuffer> {
  return readFileSync(new URL(name, PHOTOS));
}

export function createBench(options: BenchOptions): Bench {
  const { tree, n8n: running } = options;
  const published = new Set<string>();
  const activate = async (id: string): Promise<void> => {
    const { versionId } = (await running().rest(
      "GET",
      `/rest/workflows/${id}`,
    )) as { readonly versionId: string };
    await running().rest("POST", `/rest/workflows/${id}/activate`, {
      versionId,
    });
    published.add(id);
  };
  const publishOnce = async (id: string): Promise<void> => {
    if (!published.has(id)) await activate(id);
  };
  const send = async (id: string, sent: Sent): Promise<Response> => {
    await publishOnce(id);
    const request = (): Promise<Response> =>
      fetch(`${running().origin}/webhook/${id}`, {
        method: "POST",
        ...bodyOf(sent),
      });
    // A workflow is published some time after it was told to be.
    let response = await request();
    for (let tries = 0; response.status === 404 && tries < 100; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      response = await request();
    }
    return response;
  };
  return {
    ...options,
    get n8n() {
      return running();
    },
    activate,
    send,
    async ask(id, sent, row = {}) {
      await publishOnce(id);
      const started = performance.now();
      const response = await send(id, sent);
      const text = await response.text();
      const ms = Math.round(performance.now() - started);
      const items: unknown = text === "" ? [] : JSON.parse(text);
      assert.ok(Array.isArray(items), `HTTP ${response.status} ${text}`);
      const { name = id, photo = typeof sent === "string" ? sent : "" } = row;
      const shown =
        options.binaryMode === "default" ? `${name}, mode default` : name;
      options.row(shown, photo, options.serverOf(id), items.length, ms);
      return items as Item[];
    },
    async run(id, sent) {
      await (await send(id, sent)).arrayBuffer();
      return await latestExecution(running(), tree, id);
    },
    latest: (id) => latestExecution(running(), tree, id),
    executions: (id) => countExecutions(running(), id),
    async file(kept) {
      assert.ok(kept !== undefined, "there is no such file");
      return await readFileOf(running(), kept);
    },
  };
}

function bodyOf(sent: Sent): RequestInit {
  // A connection that n8n is about to close must not be used again.
  const headers = { Connection: "close" };
  if (sent instanceof FormData) return { headers, body: sent };
  const [type, body] =
    typeof sent === "string"
      ? ["image/jpeg", readPhoto(sent)]
      : ["application/json", JSON.stringify(sent)];
  return { headers: { ...headers, "Content-Type": type }, body };
}
