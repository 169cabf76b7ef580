// A page that answers dropped photos with the model in the box, in the browser:
//
//     node examples/browser/serve.ts [--port 8300] [--out FOLDER]
//
// builds the page and the model for the kernels once, and serves them:
//
//     http://localhost:8300/   drop a photo
//
// Any server of static files does, if it sends the two headers below: without
// them the page has one thread.

import { execFile } from "node:child_process";
import { createReadStream, existsSync, statSync } from "node:fs";
import { cp } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize, resolve } from "node:path";
import process from "node:process";
import { parseArgs, promisify } from "node:util";
import { build } from "esbuild";

const { values: flags } = parseArgs({
  options: {
    port: { type: "string", default: "8300" },
    out: { type: "string", default: "dist/browser-example" },
  },
});
const here = import.meta.dirname;
const root = join(here, "../..");
const folder = resolve(root, flags.out);

/** Makes the cross-origin isolated page that threads need. */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cache-Control": "no-cache",
};
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

const run = promisify(execFile);
const node = process.execPath;
await run(node, [join(root, "src/browser/build.ts"), join(folder, "florence")]);
await build({
  entryPoints: [join(here, "page.ts")],
  outfile: join(folder, "florence/page.js"),
  ...{ bundle: true, minify: true, format: "esm" },
});
await cp(join(here, "index.html"), join(folder, "florence/index.html"));
if (!existsSync(join(folder, "model/manifest.json"))) {
  const florence = join(root, "src/cli/florence.js");
  const checkpoint = join(root, "models/box/checkpoint");
  const out = ["--out", join(folder, "model"), "--id", "florence-box"];
  const precision = ["--precision", "edge"];
  await run(node, [florence, "convert", checkpoint, ...out, ...precision]);
}

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const path = normalize(pathname === "/" ? "/index.html" : pathname);
  const file = path.startsWith("/model/")
    ? join(folder, path)
    : join(folder, "florence", path);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    response.writeHead(404, HEADERS).end();
    return;
  }
  const type = MEDIA_TYPES[extname(file)] ?? "application/octet-stream";
  response.writeHead(200, { ...HEADERS, "Content-Type": type });
  createReadStream(file).pipe(response);
});
server.listen(Number(flags.port), "127.0.0.1", () => {
  // A server on a port has an address of this kind.
  const { port } = server.address() as AddressInfo;
  console.log(`http://localhost:${port}/   drop a photo`);
});
