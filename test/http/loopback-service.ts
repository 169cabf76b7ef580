// The service on a port of this machine: its model scripted, its clock and its
// queue real.

import { serve, type ServerType } from "@hono/node-server";
import { createService } from "../../src/http/service.ts";
import {
  createFakeHost,
  type FakeHost,
  type FakeHostOptions,
} from "../fakes/fake-host.ts";
import { appTarget } from "./app-target.ts";
import type { HttpTarget } from "../contract/http/http-case.ts";

export interface LoopbackService extends HttpTarget {
  readonly fakeHost: FakeHost;
  close(): Promise<void>;
}

/** Starts one; its starter closes it. */
export async function startLoopbackService(
  options: FakeHostOptions = {},
): Promise<LoopbackService> {
  const fake = await createFakeHost({ now: Date.now, ...options });
  const host: FakeHost = {
    ...fake,
    limits: { maxImageBytes: 2_000_000, maxJsonBytes: 2_000_000 },
    queue: {
      send: (messages) => {
        for (const message of messages) {
          setImmediate(() => void service.consume(message));
        }
        return Promise.resolve();
      },
    },
  };
  const service = createService(host);
  const { server, port } = await listen((request) =>
    service.app.fetch(request),
  );
  const origin = `http://127.0.0.1:${port}`;
  return {
    ...(await appTarget(service.app, host)),
    origin,
    fakeHost: host,
    fetch: (path, init) => fetch(origin + path, init),
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => {
          if (error === undefined) resolve();
          else reject(error);
        });
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}

function listen(
  handle: (request: Request) => Response | Promise<Response>,
): Promise<{ readonly server: ServerType; readonly port: number }> {
  return new Promise((resolve) => {
    const server = serve(
      { fetch: handle, port: 0, hostname: "127.0.0.1" },
      ({ port }) => {
        resolve({ server, port });
      },
    );
  });
}
