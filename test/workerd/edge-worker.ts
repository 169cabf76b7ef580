// The product's own Worker, as `wrangler.toml` describes it, in Miniflare: the
// runtime that `wrangler dev` starts, without the proxy that it puts in front,
// and with a way to the bucket, the queues and the database beside the Worker.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  convertV4MiniflareOptions,
  Miniflare,
  type V4ModuleDefinition,
  type V4QueueConsumerOptions,
  type V4QueueProducerOptions,
  type V4WorkerOptions,
} from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import type { Statement } from "../../src/http/ports/database.ts";
import { type HeapUsage, readHeapUsage } from "./heap-usage.ts";
import {
  bundleScript,
  type BundledScript,
  type ScriptOptions,
} from "./bundle-script.ts";
import {
  watchWorkerd,
  workerdProcesses,
  type WorkerProcess,
} from "./worker-process.ts";

type WorkerAssets = NonNullable<V4WorkerOptions["assets"]>;

const CONFIG = fileURLToPath(new URL("../../wrangler.toml", import.meta.url));
const PICTURES = fileURLToPath(
  new URL("../../workers/pictures/wrangler.toml", import.meta.url),
);

/** The edge Worker on ONNX Runtime: the build option. */
export const ON_ONNX_RUNTIME: ScriptOptions = {
  main: fileURLToPath(
    new URL("../../workers/onnxruntime/index.ts", import.meta.url),
  ),
  assets: fileURLToPath(new URL("../../models/box/bundle", import.meta.url)),
};

/** A Worker that draws nothing, under the name of the one that does. */
const OTHER_PICTURES: V4WorkerOptions = {
  name: "florence-pictures",
  compatibilityDate: "2026-10-01",
  modules: [
    {
      type: "ESModule",
      path: "index.js",
      contents: "export default { fetch: () => new Response(null) };",
    },
  ],
};

/** Queues that nothing in the Worker sends to: R2 does, and other queues. */
const OTHERS_QUEUES = [
  "florence-bucket-events",
  "florence-bucket-events-dead",
] as const;

type OthersQueue = (typeof OTHERS_QUEUES)[number];

/** The Worker with what lies beside it. The starter closes it. */
export interface EdgeWorker extends WorkerProcess {
  /** Lays a file into the bucket of `image.bucket_key`. */
  putBucket(key: string, bytes: Uint8Array): Promise<void>;
  /** Sends a message to one of the queues that the Worker only reads. */
  send(queue: OthersQueue, body: object): Promise<void>;
  /** Writes into the Worker's database. */
  write(statement: Statement): Promise<void>;
  /** What its JavaScript heap holds. */
  heap(): Promise<HeapUsage>;
  /** Lines that the Worker has logged so far. */
  logged(): readonly string[];
  /** Resolves when `isThere` holds; looks again at each line that is logged. */
  untilLogged(isThere: () => boolean): Promise<void>;
}

type Settings = Readonly<Record<string, string>>;

export interface EdgeOptions extends ScriptOptions {
  /** Address of the files that `ASSETS` serves, in place of Miniflare's own. */
  readonly files?: URL;
  /** Whether the Worker that draws runs beside it; else it has SVG alone. */
  readonly hasPictures?: boolean;
  /** Something else runs where the Worker that draws should. */
  readonly hasOtherPictures?: boolean;
  /** How often a queue brings a message again; as deployed if left out. */
  readonly maxRetries?: number;
}

/** Settings of a Worker that lets everybody in. */
export const OPEN_MODE: Settings = {
  FLORENCE_PUBLIC_URL: "http://localhost:8787",
  FLORENCE_SECRET: "for-this-machine-only-not-a-secret",
  FLORENCE_OPEN_MODE: "true",
};

/**
 * Bundles and starts the Worker.
 *
 * @param settings its variables and secrets; in open mode if left out.
 */
export async function startEdgeWorker(
  settings: Settings = OPEN_MODE,
  options: EdgeOptions = {},
): Promise<EdgeWorker> {
  return await startBundled(await bundleEdgeWorker(settings, options));
}

/** Bundles the Worker, and the one that draws where it is wanted. */
export async function bundleEdgeWorker(
  settings: Settings = OPEN_MODE,
  options: EdgeOptions = {},
): Promise<V4WorkerOptions[]> {
  const own = await workerOptions(settings, options);
  if (options.hasOtherPictures === true) return [own, OTHER_PICTURES];
  return options.hasPictures === true ? [own, await picturesOptions()] : [own];
}

/** Starts what `bundleEdgeWorker` made. */
export async function startBundled(
  workers: V4WorkerOptions[],
): Promise<EdgeWorker> {
  const before = new Set(workerdProcesses());
  const lines: string[] = [];
  const waiting = new Set<() => void>();
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      // No sample of `request.cf` is asked of a host of Cloudflare's.
      cf: false,
      inspectorPort: 0,
      handleStructuredLogs({ message }) {
        lines.push(message);
        for (const look of waiting) look();
      },
      workers,
    }),
  );
  const url = await miniflare.ready;
  return {
    ...watchWorkerd(url, before, () => miniflare.dispose(), true),
    async putBucket(key, bytes) {
      const bucket = await miniflare.getR2Bucket("BUCKET");
      await bucket.put(key, bytes);
    },
    async send(queue, body) {
      const producer = await miniflare.getQueueProducer(queue);
      await producer.send(body);
    },
    async write({ text, values }) {
      const database = await miniflare.getD1Database("DATABASE");
      await database
        .prepare(text)
        .bind(...values)
        .run();
    },
    heap: async () =>
      readHeapUsage(await miniflare.getInspectorURL(), "florence-edge"),
    logged: () => lines,
    untilLogged: (isThere) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!isThere()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}

/** What `wrangler.toml` says, with the bundled script and settings. */
async function workerOptions(
  settings: Settings,
  options: EdgeOptions,
): Promise<V4WorkerOptions> {
  const { maxRetries, config = CONFIG, assets, files } = options;
  // It makes what the file names as assets.
  using script = await bundleScript({ ...options, config });
  const { workerOptions: own } = unstable_getMiniflareWorkerOptions(config);
  // As records: a list of names has no settings, and the file has some.
  const producers = own.queueProducers as Record<
    string,
    V4QueueProducerOptions
  >;
  const consumers = own.queueConsumers as Record<
    string,
    V4QueueConsumerOptions
  >;
  const { PICTURES, ...services } = (own.serviceBindings ?? {}) as NonNullable<
    V4WorkerOptions["serviceBindings"]
  >;
  return {
    ...own,
    serviceBindings: {
      ...services,
      ...(files !== undefined && { ASSETS: fileService(files) }),
      ...((options.hasPictures ?? options.hasOtherPictures) === true && {
        PICTURES: PICTURES!,
      }),
    },
    ...(assets !== undefined && {
      assets: { ...(own.assets as WorkerAssets), directory: assets },
    }),
    ...(files !== undefined && { assets: undefined as never }),
    name: "florence-edge",
    modulesRoot: script.folder,
    modules: modulesOf(script),
    bindings: settings,
    queueProducers: {
      ...producers,
      ...Object.fromEntries(
        OTHERS_QUEUES.map((queueName) => [queueName, { queueName }]),
      ),
    },
    queueConsumers: Object.fromEntries(
      Object.entries(consumers).map(([queue, consumer]) => [
        queue,
        { ...consumer, ...(maxRetries !== undefined && { maxRetries }) },
      ]),
    ),
  };
}

/** The Worker that draws, which the edge Worker is bound to. */
async function picturesOptions(): Promise<V4WorkerOptions> {
  using script = await bundleScript({ config: PICTURES });
  const { workerOptions: own } = unstable_getMiniflareWorkerOptions(PICTURES);
  return {
    ...own,
    name: "florence-pictures",
    modulesRoot: script.folder,
    modules: modulesOf(script),
  };
}

/** The files of a bundled script as Miniflare takes them. */
function modulesOf(script: BundledScript): V4ModuleDefinition[] {
  return script.files.map((name) => ({
    type: moduleType(name),
    path: join(script.folder, name),
    contents: new Uint8Array(readFileSync(join(script.folder, name))),
  }));
}

/** A service outside of workerd. */
export function fileService({ host }: URL): {
  readonly external: { readonly address: string; readonly http: object };
} {
  return { external: { address: host, http: {} } };
}

/** What kind of module a file of a bundled script is. */
export function moduleType(name: string): "ESModule" | "CompiledWasm" | "Data" {
  if (name.endsWith(".js")) return "ESModule";
  return name.endsWith(".wasm") ? "CompiledWasm" : "Data";
}
