// Training, by a command of the user's.

import { spawn } from "node:child_process";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { FlorenceError, throwIfAborted } from "../../shared/errors.ts";

export interface TrainingCall {
  /** A shell's command line. */
  readonly command: string;
  /** What the command reads from its environment. */
  readonly paths: {
    /** Folder of the photos. */
    readonly photos: string;
    /** JSONL to train on. */
    readonly records: string;
    /** Bundle of the round before; none in the first. */
    readonly previousBundle: string | null;
    /** Folder the command leaves its bundle in. */
    readonly bundle: string;
    /** Where what it prints goes. */
    readonly log: string;
  };
  readonly round: number;
  readonly signal: AbortSignal;
}

/**
 * Runs the command and waits for its bundle.
 *
 * The command finds `FLORENCE_PHOTOS`, `FLORENCE_RECORDS`, `FLORENCE_BUNDLE`,
 * `FLORENCE_PREVIOUS_BUNDLE` (maybe empty) and `FLORENCE_ROUND` in its
 * environment. A run that was killed calls it again for the same round: it
 * should go on from its own checkpoint.
 *
 * @throws FlorenceError `engine_unavailable` if it fails or leaves no bundle,
 *   `deadline_exceeded` if `signal` was aborted.
 */
export async function runTraining(call: TrainingCall): Promise<void> {
  const { command, paths, round, signal } = call;
  throwIfAborted(signal);
  const log = await open(paths.log, "a");
  try {
    const code = await exitOf(
      command,
      log.fd,
      {
        FLORENCE_PHOTOS: paths.photos,
        FLORENCE_RECORDS: paths.records,
        FLORENCE_BUNDLE: paths.bundle,
        FLORENCE_PREVIOUS_BUNDLE: paths.previousBundle ?? "",
        FLORENCE_ROUND: String(round),
      },
      signal,
    );
    throwIfAborted(signal);
    if (code !== 0) {
      throw failed(
        `The training command ended with ${code ?? "a signal"}`,
        paths.log,
      );
    }
  } finally {
    await log.close();
  }
  const manifest = await stat(join(paths.bundle, "manifest.json")).catch(
    () => null,
  );
  if (manifest === null)
    throw failed(
      `The training command left no bundle in ${paths.bundle}`,
      paths.log,
    );
}

function exitOf(
  command: string,
  output: number,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      stdio: ["ignore", output, output],
      env: { ...process.env, ...env },
    });
    const stop = (): void => {
      child.kill("SIGTERM");
    };
    signal.addEventListener("abort", stop);
    child.once("error", reject);
    child.once("exit", (code) => {
      signal.removeEventListener("abort", stop);
      resolve(code);
    });
  });
}

function failed(what: string, log: string): FlorenceError {
  return new FlorenceError(
    "engine_unavailable",
    `${what}. What it printed is in ${log}. Mend it, then run the same command again.`,
  );
}
