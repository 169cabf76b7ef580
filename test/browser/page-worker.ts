// A test's worker in a page of Chromium, called from Node.

import { join } from "node:path";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { openPage } from "./chromium.ts";
import type { ACTS } from "./worker/index.ts";

type Acts = typeof ACTS;

export interface PageWorker {
  /** Calls one of `ACTS`; what it throws is thrown here, as text. */
  call<Name extends keyof Acts>(
    act: Name,
    ...args: Parameters<Acts[Name]>
  ): Promise<Awaited<ReturnType<Acts[Name]>>>;
  close(): Promise<void>;
}

/** Builds the tests' worker beside the built files, as `test-worker.js`. */
export async function buildTestWorker(folder: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, "worker/index.ts")],
    outfile: join(folder, "test-worker.js"),
    ...{ bundle: true, format: "esm", platform: "browser" },
    logLevel: "warning",
  });
}

/** Starts the worker in a page of its own. */
export async function startPageWorker(
  browser: Browser,
  origin: string,
): Promise<PageWorker> {
  const page = await openPage(browser, origin);
  const worker = await page.evaluateHandle(
    (url) => new Worker(url, { type: "module" }),
    `${origin}/built/test-worker.js`,
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
  return { call: call as PageWorker["call"], close: () => page.close() };
}
