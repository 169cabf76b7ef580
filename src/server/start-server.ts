// The service on this machine: a port, a data folder, models in threads.

import { mkdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createAdaptorServer, type ServerType } from "@hono/node-server";
import type { Host } from "../http/host.ts";
import { migrate } from "../http/migrate.ts";
import { parseSettings, type Settings } from "../http/read-settings.ts";
import { createService, type Service } from "../http/service.ts";
import { chooseDevice, type Device } from "../node/devices.ts";
import { NODE_PLATFORM } from "../node/platform.ts";
import { FlorenceError } from "../shared/errors.ts";
import { chooseBatch } from "./choose-batch.ts";
import { databaseFile } from "./data-folder.ts";
import { openFolderBlobs } from "./folder-blobs.ts";
import { NODE_OUTBOUND } from "./outbound.ts";
import { keptSecret } from "./secret-file.ts";
import { openSqliteDatabase } from "./sqlite-database.ts";
import { openThreadEngine } from "./thread-engine.ts";
import { createTimerQueue } from "./timer-queue.ts";

const SWEEP_MS = 60_000;

/** Images of jobs and deliveries at work together. */
const MESSAGES_AT_ONCE = 4;

export interface ServerOptions {
  /** 0 for any that is free. */
  readonly port: number;
  /** Address to listen on. */
  readonly hostname: string;
  /** Database, secret and files; made if it is not there. */
  readonly dataFolder: string;
  /** Bundle folders, the default model first; at least one. */
  readonly bundles: readonly string[];
  readonly device: Device | "auto";
  /** Threads with models; each answers `batch` requests at a time. */
  readonly workers: number;
  /** Processor threads of one inference. */
  readonly threads: number;
  /**
   * Images of different callers that one vision pass takes, 1 for none; what
   * `chooseBatch` says if left out.
   */
  readonly batch?: number;
  /** Requests that may wait for a thread. */
  readonly maxWaiting: number;
  /**
   * Fields of the service's configuration. `public_url` is the address that is
   * listened on, and `secret` the data folder's own, if left out.
   */
  readonly settings: Settings;
}

/** A server at work; its starter closes it. */
export interface RunningServer {
  /** Address without a slash at the end. */
  readonly origin: string;
  readonly service: Service;
  close(): Promise<void>;
}

/**
 * Starts the service and returns when it answers.
 *
 * @throws FlorenceError `engine_unavailable` for a device that is not there,
 *   `bundle_invalid`, `invalid_request` for a setting; Error for a port or a
 *   folder that is not to be had.
 */
export async function startServer(
  options: ServerOptions,
): Promise<RunningServer> {
  const { dataFolder } = options;
  await using opened = new AsyncDisposableStack();
  const answering = Promise.withResolvers<Service>();
  const server = createAdaptorServer({
    fetch: async (request, env) =>
      await (await answering.promise).app.fetch(request, env),
    overrideGlobalObjects: false,
  });
  opened.defer(() => closeServer(server));
  const origin = await listen(server, options);

  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  const config = parseSettings({
    public_url: origin,
    secret: await keptSecret(dataFolder),
    ...options.settings,
  });
  if (config.open_mode && !isLoopback(options.hostname)) {
    throw new FlorenceError(
      "invalid_request",
      `Open mode lets everybody in, and ${options.hostname} can be reached from other machines. Listen on 127.0.0.1, or leave open mode out and make API keys.`,
    );
  }
  const device = await chooseDevice(options.device);
  const engine = await openThreadEngine({
    bundles: options.bundles,
    device,
    threads: options.threads,
    workers: options.workers,
    batch: options.batch ?? (await chooseBatch(options.bundles, device)),
    maxWaiting: options.maxWaiting,
    onDeath: (reason) => {
      console.error(`a thread of the engine ended: ${reason}`);
    },
  });
  opened.defer(() => engine.close());
  const database = openSqliteDatabase(databaseFile(dataFolder));
  opened.defer(() => {
    database.close();
  });
  await migrate(database);
  const queue = createTimerQueue(MESSAGES_AT_ONCE);
  opened.defer(() => queue.close());
  const host: Host = {
    engines: [engine],
    database,
    store: openFolderBlobs(join(dataFolder, "store")),
    bucket: openFolderBlobs(join(dataFolder, "bucket")),
    queue,
    outbound: NODE_OUTBOUND,
    platform: NODE_PLATFORM,
    limits: { maxImageBytes: 20_000_000, maxJsonBytes: 10_000_000 },
    config,
    onFailure: (error, id) => {
      console.error(id, error);
    },
  };
  const service = createService(host);
  queue.start((message) => service.consume(message));
  const sweeping = setInterval(() => {
    void service.sweep();
  }, SWEEP_MS);
  opened.defer(() => {
    clearInterval(sweeping);
  });
  await service.sweep();
  answering.resolve(service);
  const stack = opened.move();
  return { origin, service, close: () => stack.disposeAsync() };
}

/** Listens and returns the address without a slash at the end. */
async function listen(
  server: ServerType,
  { port, hostname }: ServerOptions,
): Promise<string> {
  const bound = await new Promise<AddressInfo>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const reason =
        cause.code === "EADDRINUSE"
          ? "another program listens there already. Choose another --port"
          : cause.code === "EACCES"
            ? "this user may not. Choose a --port above 1023"
            : `${cause.message}. Choose another --host`;
      reject(
        new FlorenceError(
          "invalid_request",
          `Cannot listen on ${hostname}, port ${port}: ${reason}.`,
          { cause },
        ),
      );
    });
    server.listen(port, hostname, () => {
      resolve(server.address() as AddressInfo);
    });
  });
  return `http://${urlHost(hostname)}:${bound.port}`;
}

function closeServer(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" || hostname === "::1" || /^127\./u.test(hostname)
  );
}

/** An address to listen on as the host of a URL. */
function urlHost(hostname: string): string {
  if (hostname === "0.0.0.0" || hostname === "::") return "localhost";
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}
