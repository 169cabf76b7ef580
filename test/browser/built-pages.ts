// The built files, served to a Chromium with whatever else a test needs.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { buildBrowser } from "../../src/browser/build.ts";
import type { Opening } from "../../src/browser/messages.ts";
import { servePages, startChromium } from "./chromium.ts";
import { buildTestWorker } from "./page-worker.ts";

export interface BuiltPages {
  readonly origin: string;
  readonly browser: Browser;
  /** What a worker opens: the bundle that is served as `bundle`, on one thread. */
  readonly opening: Opening;
  close(): Promise<void>;
}

/**
 * Builds, serves, and starts Chromium; its starter closes it.
 *
 * @param folders more that is served, by name.
 * @param isolated whether pages are cross-origin isolated.
 */
export async function openBuiltPages(
  folders: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
  isolated = true,
): Promise<BuiltPages> {
  const built = mkdtempSync(join(tmpdir(), "florence-browser-"));
  await buildBrowser(built);
  await buildTestWorker(built);
  const served = await servePages({ built, ...folders }, isolated);
  const browser = await startChromium(flags);
  const { origin } = served;
  return {
    origin,
    browser,
    opening: {
      bundle: `${origin}/bundle/`,
      assets: `${origin}/built/`,
      webgpu: null,
      threads: 1,
      maxBytes: 2 ** 30,
    },
    async close() {
      await browser.close();
      served.close();
      rmSync(built, { recursive: true });
    },
  };
}
