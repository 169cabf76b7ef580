// A server of pictures on this machine, for the cases that fetch by address. The
// targets exempt 127.0.0.1 from the address rules.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";

export const PHOTO = new Uint8Array(
  readFileSync(new URL("../../golden/photos/boat.jpg", import.meta.url)),
);

/** Its opener closes it. */
export interface ImageServer {
  /** Address without a slash at the end. */
  readonly origin: string;
  readonly requests: readonly IncomingMessage[];
  /** Bytes handed over of `/endless`. */
  sentBytes(): number;
  /** Resolves when whoever asked `/silent` or `/endless` has hung up. */
  readonly hungUp: Promise<unknown>;
  /** Resolves when `/silent` was asked. */
  readonly askedSilent: Promise<unknown>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function openImageServer(): Promise<ImageServer> {
  const requests: IncomingMessage[] = [];
  const hungUp = Promise.withResolvers<unknown>();
  const askedSilent = Promise.withResolvers<unknown>();
  let sent = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    const { pathname, searchParams } = new URL(request.url!, "http://a");
    switch (pathname) {
      case "/photo.jpg":
        // What it says of itself is not believed.
        response.setHeader("Content-Type", "text/html");
        response.end(PHOTO);
        break;
      case "/page.jpg":
        response.setHeader("Content-Type", "image/jpeg");
        response.end("<!DOCTYPE html><html><body>no</body></html>");
        break;
      case "/redirect":
        response.writeHead(302, { Location: searchParams.get("to")! }).end();
        break;
      case "/loop":
        response.writeHead(302, { Location: "/loop" }).end();
        break;
      case "/bomb":
        response.setHeader("Content-Encoding", "gzip");
        response.end(BOMB);
        break;
      case "/endless": {
        response.on("close", hungUp.resolve);
        const piece = Buffer.alloc(65_536);
        const more = (): void => {
          if (response.destroyed) return;
          sent += piece.length;
          const isTaken = response.write(piece);
          // Beyond every limit slowly: sockets would hold any amount.
          if (sent > 21_000_000) setTimeout(more, 20);
          else if (isTaken) setImmediate(more);
          else response.once("drain", more);
        };
        more();
        break;
      }
      case "/silent":
        request.on("close", hungUp.resolve);
        askedSilent.resolve(null);
        break;
      default:
        response.writeHead(404).end("nothing here");
    }
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    requests,
    sentBytes: () => sent,
    hungUp: hungUp.promise,
    askedSilent: askedSilent.promise,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** 30 MB of nothing in 30 kB. */
const BOMB = gzipSync(Buffer.alloc(30_000_000));
