// A server before the service that passes everything on, and can be busy, old or
// gone when a test asks for it.

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

/** What came by. */
export interface Passed {
  readonly method: string;
  readonly path: string;
  readonly atMs: number;
}

/**
 * Answers in place of the service, cuts the connection, or holds it without an
 * answer; null passes the request on.
 */
export type Instead = (request: Passed) => Response | "cut" | "hold" | null;

export interface Front {
  readonly origin: string;
  /** Requests since `forget`, in the order they came. */
  readonly passed: readonly Passed[];
  /** The most requests that were under way at the same time since `forget`. */
  readonly mostAtOnce: number;
  instead: Instead | null;
  forget(): void;
  /** Stops listening; whoever comes is refused by the system. */
  close(): Promise<void>;
  /** Listens again, on the same port. */
  open(): Promise<void>;
}

/** @param target origin of the service. */
export async function startFront(target: string): Promise<Front> {
  let passed: Passed[] = [];
  let underWay = 0;
  let mostAtOnce = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const one = { method: request.method ?? "", path, atMs: Date.now() };
    passed.push(one);
    underWay += 1;
    mostAtOnce = Math.max(mostAtOnce, underWay);
    void answer(request, one).then(async (answered) => {
      underWay -= 1;
      if (answered === "hold") return;
      if (answered === "cut") {
        request.socket.destroy();
        return;
      }
      response.writeHead(answered.status, headersOf(answered));
      response.end(Buffer.from(await answered.arrayBuffer()));
    });
  });
  const answer = async (
    request: IncomingMessage,
    one: Passed,
  ): Promise<Response | "cut" | "hold"> => {
    const body = await bodyOf(request);
    const instead = front.instead?.(one) ?? null;
    if (instead !== null) return instead;
    try {
      return await fetch(target + one.path, {
        method: one.method,
        headers: sentHeaders(request),
        ...(body.length > 0 && { body: new Uint8Array(body) }),
      });
    } catch (error) {
      return new Response(String(error), { status: 502 });
    }
  };
  const listen = (port: number): Promise<void> =>
    new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const front: Front = {
    origin: `http://127.0.0.1:${port}`,
    get passed() {
      return passed;
    },
    get mostAtOnce() {
      return mostAtOnce;
    },
    instead: null,
    forget() {
      passed = [];
      mostAtOnce = 0;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
    open: () => listen(port),
  };
  return front;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Those of the way itself stay behind. */
const OF_THE_WAY = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "host",
  "keep-alive",
  "transfer-encoding",
]);

function sentHeaders({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      OF_THE_WAY.has(name) || value === undefined
        ? []
        : [[name, String(value)] as const],
    ),
  );
}

function headersOf({ headers }: Response): Record<string, string> {
  return Object.fromEntries(
    [...headers].filter(([name]) => !OF_THE_WAY.has(name)),
  );
}
