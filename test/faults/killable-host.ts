// Hosts of the kill test: processes with storage that outlives them.

import { spawn, type ChildProcess } from "node:child_process";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export type HostName = "node" | "workerd";

/** A host that can be killed and started again on the same storage. */
export interface KillableHost {
  readonly origin: string;
  /** Starts the process and waits until it answers. */
  start(): Promise<void>;
  /** SIGKILL to the process and all it started; returns when it is gone. */
  kill(): Promise<void>;
  /** What the clock does on the host, where it has none of its own. */
  sweep(): Promise<void>;
  /** The SQLite file that holds the truth. */
  databaseFile(): string;
}

/** @param folder for storage and logs; its caller deletes it. */
export async function createKillableHost(
  name: HostName,
  folder: string,
  config: Readonly<Record<string, unknown>>,
): Promise<KillableHost> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const settings = JSON.stringify({ ...config, public_url: origin });
  const command =
    name === "node"
      ? nodeCommand(folder, port, settings)
      : workerdCommand(folder, port, settings);
  let child: ChildProcess | null = null;
  const killGroup = (): Promise<void> => killAll(child);
  // Nothing is left behind by a test that ends in the middle.
  process.once("exit", () => void killGroup());
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => process.exit(1));
  }
  return {
    origin,
    async start() {
      // A group of its own, so that all of it can be killed.
      child = spawn(process.execPath, command, {
        detached: true,
        stdio: process.env["FAULTS_LOG"] === undefined ? "ignore" : "inherit",
        env: {
          ...process.env,
          CI: "1",
          CLOUDFLARE_CF_FETCH_ENABLED: "false",
          WRANGLER_SEND_METRICS: "false",
        },
      });
      await answers(origin, child);
    },
    kill: killGroup,
    async sweep() {
      if (name === "node") return; // by its own timer
      const response = await fetch(`${origin}/sweep`);
      await response.text();
    },
    databaseFile() {
      if (name === "node") return join(folder, "florence.sqlite");
      const [file] = globSync(join(folder, "state/v3/d1/**/*.sqlite"), {
        exclude: ["**/metadata.sqlite"],
      });
      if (file === undefined) throw new Error(`no database under ${folder}`);
      return file;
    },
  };
}

/** Kills a process and its group at once. */
async function killAll(child: ChildProcess | null): Promise<void> {
  if (child?.pid === undefined) return;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  process.kill(-child.pid, "SIGKILL");
  await gone;
}

function nodeCommand(folder: string, port: number, settings: string): string[] {
  const script = fileURLToPath(new URL("node-host.ts", import.meta.url));
  return [script, folder, String(port), settings];
}

function workerdCommand(
  folder: string,
  port: number,
  settings: string,
): string[] {
  mkdirSync(folder, { recursive: true });
  const configFile = join(folder, "wrangler.json");
  const queue = "kill-test";
  writeFileSync(
    configFile,
    JSON.stringify({
      name: "kill-test",
      main: fileURLToPath(new URL("worker/index.ts", import.meta.url)),
      compatibility_date: "2026-10-01",
      compatibility_flags: ["enable_request_signal"],
      send_metrics: false,
      d1_databases: [
        { binding: "DATABASE", database_name: "kill", database_id: "kill" },
      ],
      r2_buckets: [
        { binding: "STORE", bucket_name: "store" },
        { binding: "BUCKET", bucket_name: "bucket" },
      ],
      queues: {
        producers: [{ binding: "WORK", queue }],
        consumers: [{ queue, max_batch_size: 4, max_batch_timeout: 0 }],
      },
      vars: { CONFIG: settings },
    }),
  );
  const wrangler = fileURLToPath(
    new URL("../../node_modules/wrangler/bin/wrangler.js", import.meta.url),
  );
  const state = join(folder, "state");
  return [
    ...[wrangler, "dev", "--config", configFile, "--persist-to", state],
    ...["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0"],
    "--show-interactive-dev-session=false",
  ];
}

async function answers(origin: string, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) {
      throw new Error(
        `The host ended with ${child.exitCode} before it answered; run with FAULTS_LOG=1 to see why.`,
      );
    }
    try {
      const response = await fetch(`${origin}/v1/health/live`);
      await response.text();
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
