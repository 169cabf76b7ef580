// Workers that `florence plan --write` wrote, joined in Miniflare: all in one
// process of workerd, or each in one of its own to be measured alone.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  Miniflare,
  convertV4MiniflareOptions,
  type V4WorkerOptions,
} from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { type BundledScript, bundleScript } from "./bundle-script.ts";
import { OPEN_MODE, moduleType } from "./edge-worker.ts";
import { type HeapUsage, readHeapUsage } from "./heap-usage.ts";
import {
  watchWorkerd,
  workerdProcesses,
  type WorkerProcess,
} from "./worker-process.ts";

/** Name of the Worker that is asked. */
const FIRST = "image";

/** Parts run one script; what they hold is told by their settings. */
const scripts = new Map<string, V4WorkerOptions["modules"]>();

export interface ResidentOptions {
  /** Changes one Worker's options before it starts; null leaves it out. */
  readonly change?: (
    name: string,
    options: V4WorkerOptions,
  ) => V4WorkerOptions | null;
}

/** A Worker in a process of its own. */
export interface LoneWorker extends WorkerProcess {
  readonly name: string;
  heap(): Promise<HeapUsage>;
  /** Kills the process, as a machine's end does; Miniflare starts another. */
  kill(): void;
  /** Ends the Worker alone: those bound to it find nothing. */
  stop(): Promise<void>;
  /** The same Worker in a new process, found again. */
  revive(): Promise<LoneWorker>;
}

/** Bundles and starts all Workers of a folder; the starter closes them. */
export async function startResidentWorkers(
  folder: string,
  options: ResidentOptions = {},
): Promise<WorkerProcess> {
  const before = new Set(workerdProcesses());
  const workers = await workerOptions(folder, options);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...{ host: "127.0.0.1", port: 0, cf: false, workers },
    }),
  );
  const url = await miniflare.ready;
  return watchWorkerd(url, before, () => miniflare.dispose());
}

/**
 * Starts all Workers of a folder, each in a process of its own; the first is the
 * one that is asked. The starter closes each.
 */
export async function startApart(
  folder: string,
  options: ResidentOptions = {},
): Promise<readonly LoneWorker[]> {
  const registry = mkdtempSync(join(tmpdir(), "florence-registry-"));
  const started: LoneWorker[] = [];
  const workers = await workerOptions(folder, options);
  // Those that are bound to come before the one that binds them.
  for (const worker of workers.toReversed()) {
    started.unshift(await startAlone(worker, registry));
  }
  return started;
}

async function startAlone(
  worker: V4WorkerOptions,
  registry: string,
): Promise<LoneWorker> {
  const before = new Set(workerdProcesses());
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      ...{ host: "127.0.0.1", port: 0, cf: false, workers: [worker] },
      ...{ inspectorPort: 0, unsafeDevRegistryPath: registry },
    }),
  );
  const url = await miniflare.ready;
  const own = workerdProcesses().filter((pid) => !before.has(pid));
  const name = worker.name!;
  const close = async (): Promise<void> => {
    await miniflare.dispose();
    rmSync(registry, { recursive: true, force: true });
  };
  return {
    ...watchWorkerd(url, before, close, true),
    name,
    heap: async () => readHeapUsage(await miniflare.getInspectorURL(), name),
    kill: () => {
      for (const pid of own) process.kill(pid, "SIGKILL");
    },
    stop: () => miniflare.dispose(),
    revive: () => startAlone(worker, registry),
  };
}

async function workerOptions(
  folder: string,
  { change = (_, options) => options }: ResidentOptions,
): Promise<V4WorkerOptions[]> {
  const workers: V4WorkerOptions[] = [];
  const names = readdirSync(folder).filter((name) => name !== FIRST);
  for (const name of [FIRST, ...names]) {
    const config = join(folder, name, "wrangler.toml");
    const kind = name === FIRST ? "image" : "part";
    let modules = scripts.get(kind);
    if (modules === undefined) {
      using script = await bundleScript({ config });
      modules = modulesOf(script);
      scripts.set(kind, modules);
    }
    const { workerOptions: own } = unstable_getMiniflareWorkerOptions(config);
    const options = change(name, {
      ...own,
      name: `florence-${name}`,
      modulesRoot: "/",
      modules,
      bindings: {
        ...(own.bindings as object),
        ...(kind === "image" && OPEN_MODE),
      },
    } as V4WorkerOptions);
    if (options !== null) workers.push(options);
  }
  return workers;
}

function modulesOf(script: BundledScript): V4WorkerOptions["modules"] {
  return script.files.map((name) => ({
    type: moduleType(name),
    path: `/${name}`,
    contents: new Uint8Array(readFileSync(join(script.folder, name))),
  }));
}
