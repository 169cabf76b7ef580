// The service on this machine: a port, a data folder, models in threads.

import { mkdir } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createAdaptorServer, type ServerType } from "@hono/node-server";
import type { Host } from "../http/host.ts";
import { migrate } from "../http/migrate.ts";
import { joinTelemetry } from "../http/observability/join-telemetry.ts";
import { jsonLog } from "../http/observability/json-log.ts";
import { parseSettings, type Settings } from "../http/read-settings.ts";
import { createService, type Service } from "../http/service.ts";
import { chooseDevice, type Device } from "../node/devices.ts";
import { NODE_PLATFORM } from "../node/platform.ts";
import { FlorenceError } from "../shared/errors.ts";
import { chooseBatch } from "./choose-batch.ts";
import { createDoor } from "./door.ts";
import { databaseFile } from "./data-folder.ts";
import { openFolderBlobs } from "./folder-blobs.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { NODE_OUTBOUND } from "./outbound.ts";
import { keptSecret } from "./secret-file.ts";
import { openSqliteDatabase } from "./sqlite-database.ts";
import { openThreadEngine } from "./thread-engine.ts";
import { createTimerQueue, type TimerQueue } from "./timer-queue.ts";

const SWEEP_MS = 60_000;

/** Deliveries and images of jobs at work beside those the engine has room for. */
const MORE_MESSAGES = 4;

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
  /** How long work under way may take when the server is told to end. */
  readonly drainMs: number;
  /** Takes the lines of the log: JSON, one object each. */
  readonly log: (line: string) => void;
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
  /**
   * Takes nothing more, lets what is under way end (no longer than `drainMs`),
   * and gives everything back.
   */
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
  await using opened = new AsyncDisposableStack();
  const door = createDoor();
  const server = createAdaptorServer({
    fetch: (request, env) => door.answer(request, env),
    overrideGlobalObjects: false,
  });
  opened.defer(() => closeServer(server));
  const origin = await listen(server, options);
  const { host, queue, metrics } = await openHost(options, origin, opened);
  const service = createService(host);
  metrics.watchFeatures(() => service.featureMemoryBytes());
  queue.start((message) => service.consume(message));
  const sweeping = setInterval(() => {
    void service.sweep();
  }, SWEEP_MS);
  opened.defer(() => {
    clearInterval(sweeping);
  });
  await service.sweep();
  door.open((request, env) => service.app.fetch(request, env));
  // Runs first: what is kept open closes once nobody needs it.
  opened.defer(async () => {
    await within(options.drainMs, [door.drain(), queue.close()]);
  });
  const stack = opened.move();
  return { origin, service, close: () => stack.disposeAsync() };
}

interface Opened {
  readonly host: Host;
  readonly queue: TimerQueue;
  readonly metrics: Metrics;
}

/** Opens what the service needs; `opened` closes it, the last first. */
async function openHost(
  options: ServerOptions,
  origin: string,
  opened: AsyncDisposableStack,
): Promise<Opened> {
  const { dataFolder, bundles, workers, threads, maxWaiting } = options;
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
  const log = jsonLog(options.log, NODE_PLATFORM.now);
  const device = await chooseDevice(options.device);
  const batch = options.batch ?? (await chooseBatch(bundles, device));
  const engine = await openThreadEngine({
    ...{ bundles, device, threads, workers, batch, maxWaiting },
    onDeath: (reason) => {
      log.failure(`A thread of the engine ended: ${reason}`, "engine");
    },
  });
  const queue = createTimerQueue(workers * batch + MORE_MESSAGES);
  const database = openSqliteDatabase(databaseFile(dataFolder));
  opened.defer(() => {
    database.close();
  });
  opened.defer(() => queue.close());
  // Before the database: what it still was at is refused, and written down.
  opened.defer(() => engine.close());
  await migrate(database);
  const metrics = createMetrics(database, engine);
  const host: Host = {
    engines: [engine],
    database,
    store: openFolderBlobs(join(dataFolder, "store")),
    bucket: openFolderBlobs(join(dataFolder, "bucket")),
    queue,
    outbound: NODE_OUTBOUND,
    platform: NODE_PLATFORM,
    limits: { maxImageBytes: 20_000_000, maxJsonBytes: 10_000_000 },
    featureMemoryBytes: 128 * 2 ** 20,
    // Engines work in threads of their own: this one is never long away.
    maxSilenceMs: 15_000,
    config,
    operations: [metrics.operation],
    telemetry: joinTelemetry([log, metrics.telemetry]),
    onFailure: log.failure,
  };
  return { host, queue, metrics };
}

/** Waits for work to end, but no longer than `ms`. */
async function within(
  ms: number,
  work: readonly Promise<void>[],
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([Promise.all(work), late]);
  clearTimeout(timer);
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

/** What is still connected by now has had its time. */
function closeServer(server: ServerType): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    if ("closeAllConnections" in server) server.closeAllConnections();
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
