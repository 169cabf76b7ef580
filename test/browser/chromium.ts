// A headless Chromium, and pages served to it. CI has none: what is tested there
// is skipped, and says so.

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import process from "node:process";
import { chromium, type Browser, type Page } from "playwright-core";

/** Debian's; another's path is told by the environment. */
const CHROMIUM = process.env["FLORENCE_CHROMIUM"] ?? "/usr/bin/chromium";
/** The machine may be busy, and the first page compiles everything. */
const TIMEOUT_MS = 300_000;

/** Why tests in Chromium are skipped; false where it is installed. */
export const SKIP_WITHOUT_CHROMIUM: string | false = existsSync(CHROMIUM)
  ? false
  : `no Chromium at ${CHROMIUM}: install Debian's package chromium, or name another in FLORENCE_CHROMIUM`;

/** WebGPU without a GPU: Chromium's own software rasterizer. */
export const SOFTWARE_WEBGPU = [
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
] as const;

/** Starts a browser; its starter closes it. */
export async function startChromium(
  flags: readonly string[] = [],
): Promise<Browser> {
  return await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", ...flags],
  });
}

export interface ServedPages {
  /** Without a slash at its end. */
  readonly origin: string;
  close(): void;
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** What makes a page cross-origin isolated. */
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
} as const;

/**
 * Serves folders under the first part of a path, and an empty page at `/`.
 *
 * @param folders by the names under which they are served.
 */
export async function servePages(
  folders: Readonly<Record<string, string>>,
  isolated = true,
): Promise<ServedPages> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    const [, name = "", ...rest] = normalize(pathname).split("/");
    const type = MEDIA_TYPES[extname(pathname)] ?? "application/octet-stream";
    const headers = isolated ? ISOLATION : {};
    if (pathname === "/") {
      response.writeHead(200, { "Content-Type": "text/html", ...headers });
      response.end("<!doctype html><title>test</title>");
      return;
    }
    if (name === "favicon.ico") {
      response.writeHead(204).end();
      return;
    }
    const folder = folders[name];
    const path = folder === undefined ? "" : join(folder, ...rest);
    if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) {
      response.writeHead(200, { "Content-Type": type, ...headers });
      createReadStream(path).pipe(response);
    } else {
      response.writeHead(404, headers).end();
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  // A server on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A page of that origin; what it logs as an error fails nothing, but is shown. */
export async function openPage(
  browser: Browser,
  origin: string,
): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  page.on("console", (message) => {
    if (message.type() === "error") console.error(message.text());
  });
  await page.goto(origin);
  return page;
}
