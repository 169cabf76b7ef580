// A worker in a page of Chromium, called from Node.

import { join } from "node:path";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { openPage } from "./chromium.ts";
import type { ACTS } from "./worker/index.ts";

type Acts = Readonly<Record<string, (...args: never[]) => Promise<unknown>>>;

/** A worker that answers with `Own` acts. */
export interface PageWorker<Own extends Acts = typeof ACTS> {
  /** Calls one of the acts; what it throws is thrown here, as text. */
  call<Name extends keyof Own>(
    act: Name,
    ...args: Parameters<Own[Name]>
  ): Promise<Awaited<ReturnType<Own[Name]>>>;
  close(): Promise<void>;
}

/** Builds a script of a worker. */
export async function buildWorker(
  source: string,
  outfile: string,
): Promise<void> {
  await build({
    ...{ entryPoints: [source], outfile },
    ...{ bundle: true, format: "esm", platform: "browser" },
    logLevel: "warning",
  });
}

/** Builds the tests' worker beside the built files, as `test-worker.js`. */
export async function buildTestWorker(folder: string): Promise<void> {
  const source = join(import.meta.dirname, "worker/index.ts");
  await buildWorker(source, join(folder, "test-worker.js"));
}

/** Starts the tests' worker in a page of its own. */
export function startPageWorker(
  browser: Browser,
  origin: string,
): Promise<PageWorker> {
  return startWorker(browser, origin, `${origin}/built/test-worker.js`);
}

/** Starts a worker that answers with `answerWith`, in a page of its own. */
export async function startWorker<Own extends Acts>(
  browser: Browser,
  origin: string,
  script: string,
): Promise<PageWorker<Own>> {
  const page = await openPage(browser, origin);
  const worker = await page.evaluateHandle(
    (url) => new Worker(url, { type: "module" }),
    script,
  );
  const call = async (act: string, ...args: unknown[]): Promise<unknown> => {
    const reply = await worker.evaluate(
      (own, message) =>
        new Promise<{ value?: unknown; error?: string }>((resolve) => {
          own.onmessage = (event: MessageEvent<{ value?: unknown }>) => {
            resolve(event.data);
          };
          own.onerror = (event) => {
            resolve({ error: event.message });
          };
          own.postMessage(message);
        }),
      { act, args },
    );
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply.value;
  };
  // The worker answers each act with what the act of this name gives.
  return { call: call as PageWorker<Own>["call"], close: () => page.close() };
}
