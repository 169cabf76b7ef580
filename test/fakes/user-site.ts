// A site of the user's own: gives photos of the examples, and takes rows.

import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";

const PHOTOS = new URL("../../examples/photos/", import.meta.url);

/** What was sent to it. */
export interface Posted {
  readonly path: string;
  readonly body: unknown;
}

export interface UserSite {
  /** Below it are photos, by their names. */
  readonly origin: string;
  /** In the order they came. */
  readonly posted: readonly Posted[];
  close(): Promise<void>;
}

/** Starts one; its starter closes it. */
export async function startUserSite(): Promise<UserSite> {
  const posted: Posted[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    if (request.method === "GET") {
      const photo = new URL(basename(path), PHOTOS);
      if (existsSync(photo)) {
        response.writeHead(200, { "Content-Type": "image/jpeg" });
        response.end(readFileSync(photo));
      } else response.writeHead(404).end();
      return;
    }
    void readText(request).then((text) => {
      posted.push({ path, body: JSON.parse(text) });
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end('{"taken":true}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    posted,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
