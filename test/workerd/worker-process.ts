// Starts Workers in workerd, from Node, offline and without an account; the
// same bundling and the same runtime as `wrangler dev`.

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";

// The harness would ask a host of Cloudflare's for a sample of `request.cf`.
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";

type Options = NonNullable<Parameters<typeof createTestHarness>[0]>;
type WorkerInput = NonNullable<Options["workers"]>[number];

/** A Worker that answers over HTTP. The starter closes it. */
export interface WorkerProcess {
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Address with a port of this machine. */
  readonly url: URL;
  /**
   * Resident memory of the workerd process, now and at its peak; null where
   * there is no `/proc`.
   */
  memory(): WorkerMemory | null;
  /** Processor time of all its threads since the start; null as above. */
  cpuMs(): number | null;
  close(): Promise<void>;
}

export interface WorkerMemory {
  readonly residentBytes: number;
  readonly peakResidentBytes: number;
  /** Of what is resident, that which is no file's: heaps and buffers. */
  readonly ownBytes: number;
}

/** Bundles and starts one Worker. */
export async function startWorker(input: WorkerInput): Promise<WorkerProcess> {
  const before = new Set(workerdProcesses());
  const harness = createTestHarness({ workers: [input] });
  const { url } = await harness.listen();
  return watchWorkerd(url, before, () => harness.close());
}

/**
 * A started Worker, its process found.
 *
 * @param before workerd processes that are others'.
 * @param isLone whether those that start later are others', too.
 */
export function watchWorkerd(
  url: URL,
  before: ReadonlySet<number>,
  close: () => Promise<void>,
  isLone = false,
): WorkerProcess {
  // One of them runs the Worker; the test harness has a small one in front of
  // it as a proxy, which is there before the other.
  const find = (): readonly number[] =>
    workerdProcesses().filter((pid) => !before.has(pid));
  const now = find();
  const own = isLone ? (): readonly number[] => now : find;
  return {
    url,
    fetch: (path, init) => fetch(new URL(path, url), init),
    memory: () => largest(own().map(memoryOf)),
    cpuMs: () => {
      const pids = own();
      return pids.length === 0 ? null : Math.max(...pids.map(cpuMsOf));
    },
    close,
  };
}

/**
 * The Worker for tests only.
 *
 * @param filesUrl where it finds bundles and photos.
 */
export async function startContractWorker(
  filesUrl: string,
): Promise<WorkerProcess> {
  const main = fileURLToPath(new URL("worker/index.ts", import.meta.url));
  return await startWorker({
    config: {
      name: "contract",
      main,
      compatibility_date: "2026-10-01",
      compatibility_flags: ["enable_request_signal"],
      rules: [{ type: "Data", globs: ["**/*.ttf"], fallthrough: true }],
      vars: { FILES: filesUrl },
    },
  });
}

/** Children of this process that run workerd. */
export function workerdProcesses(): readonly number[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    return []; // not Linux
  }
  return names
    .filter((name) => /^\d+$/u.test(name))
    .map(Number)
    .filter((pid) => {
      const status = readStatus(pid);
      return (
        status["Name"] === "workerd" && status["PPid"] === String(process.pid)
      );
    });
}

function largest(all: readonly WorkerMemory[]): WorkerMemory | null {
  return all.toSorted((a, b) => b.residentBytes - a.residentBytes)[0] ?? null;
}

function memoryOf(pid: number): WorkerMemory {
  const status = readStatus(pid);
  const bytes = (field: string): number =>
    Number.parseInt(status[field] ?? "0", 10) * 1024;
  return {
    residentBytes: bytes("VmRSS"),
    peakResidentBytes: bytes("VmHWM"),
    ownBytes: bytes("RssAnon"),
  };
}

/** Linux counts processor time in ticks of 10 ms (proc(5), fields 14, 15). */
function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function readStatus(pid: number): Readonly<Record<string, string>> {
  try {
    const lines = readFileSync(`/proc/${pid}/status`, "utf8").split("\n");
    return Object.fromEntries(
      lines.map((line) => {
        const [field = "", value = ""] = line.split(/:\s+/u);
        return [field, value];
      }),
    );
  } catch {
    return {}; // it has just ended
  }
}
