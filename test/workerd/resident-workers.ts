// Workers that `florence plan --write` wrote, joined in Miniflare.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  Miniflare,
  convertV4MiniflareOptions,
  type V4WorkerOptions,
} from "miniflare";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { type BundledScript, bundleScript } from "./bundle-script.ts";
import { OPEN_MODE, moduleType } from "./edge-worker.ts";
import {
  watchWorkerd,
  workerdProcesses,
  type WorkerProcess,
} from "./worker-process.ts";

/** Name of the Worker that is asked. */
const FIRST = "image";

export interface ResidentOptions {
  /** Changes one Worker's options before it starts; null leaves it out. */
  readonly change?: (
    name: string,
    options: V4WorkerOptions,
  ) => V4WorkerOptions | null;
  /** Only these Workers, the first of them asked. */
  readonly only?: readonly string[];
}

/** Bundles and starts all Workers of a folder; the starter closes them. */
export async function startResidentWorkers(
  folder: string,
  { change = (_, options) => options, only }: ResidentOptions = {},
): Promise<WorkerProcess> {
  const before = new Set(workerdProcesses());
  const names = only ?? [
    FIRST,
    ...readdirSync(folder).filter((name) => name !== FIRST),
  ];
  // Parts run one script; what they hold is told by their settings.
  const scripts = new Map<string, V4WorkerOptions["modules"]>();
  const workers: V4WorkerOptions[] = [];
  for (const name of names) {
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
      bindings: { ...Object(own.bindings), ...(kind === "image" && OPEN_MODE) },
    } as V4WorkerOptions);
    if (options !== null) workers.push(options);
  }
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      workers,
    }),
  );
  const url = await miniflare.ready;
  return watchWorkerd(url, before, () => miniflare.dispose());
}

function modulesOf(script: BundledScript): V4WorkerOptions["modules"] {
  return script.files.map((name) => ({
    type: moduleType(name),
    path: `/${name}`,
    contents: new Uint8Array(readFileSync(join(script.folder, name))),
  }));
}
