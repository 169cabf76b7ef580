// `florence serve` in a process of its own, as its user starts it.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const FLORENCE = fileURLToPath(
  new URL("../../src/cli/florence.js", import.meta.url),
);

export interface ServerProcessOptions {
  /** Flags beside `--port` and `--data`. */
  readonly flags?: readonly string[];
  /** Settings, such as `FLORENCE_RATE_PER_MINUTE`. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kept when the process ends, so that another may go on; a new one if left out. */
  readonly dataFolder?: string;
  /** Any that is free if left out. */
  readonly port?: number;
}

/** A running server; its starter ends it. */
export interface ServerProcess {
  readonly origin: string;
  readonly dataFolder: string;
  readonly child: ChildProcess;
  /** All that it wrote so far: log lines, and what it said to a person. */
  written(): { readonly stdout: string; readonly stderr: string };
  /** Resident memory in bytes; null where there is no `/proc`. */
  memoryBytes(): Promise<number | null>;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | null>;
  /** Ends it, and deletes its data folder unless that was given. */
  close(): Promise<void>;
}

/** Starts a server and waits until it answers. */
export async function startServerProcess(
  options: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const dataFolder =
    options.dataFolder ?? (await mkdtemp(join(tmpdir(), "florence-")));
  const child = spawn(
    process.execPath,
    [
      FLORENCE,
      "serve",
      "--port",
      String(options.port ?? 0),
      "--data",
      dataFolder,
      ...(options.flags ?? []),
    ],
    {
      env: { ...process.env, NO_COLOR: "1", ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  const written = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    written.stdout += text;
  });
  const exited = once(child, "exit");
  const origin = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stderr });
    lines.on("line", (line) => {
      written.stderr += `${line}\n`;
      const found = /listening on (http:\/\/\S+)/u.exec(line);
      if (found !== null) resolve(found[1]!);
    });
    child.on("exit", (code) => {
      reject(new Error(`florence serve ended: ${code}\n${written.stderr}`));
    });
  });
  const end = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await exited;
    }
    return child.exitCode;
  };
  return {
    origin,
    dataFolder,
    child,
    written: () => ({ ...written }),
    memoryBytes: () => residentBytes(child.pid!),
    end,
    async close() {
      await end("SIGKILL");
      if (options.dataFolder === undefined) {
        await rm(dataFolder, { recursive: true, force: true });
      }
    },
  };
}

async function residentBytes(pid: number): Promise<number | null> {
  try {
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const found = /VmRSS:\s+(\d+) kB/u.exec(status);
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null; // not Linux
  }
}
