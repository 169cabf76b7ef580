// The command line in a process of its own.

import process from "node:process";
import { openBundle } from "../node/open-bundle.ts";
import { exitCode } from "./exit-codes.ts";
import type { Output } from "./io.ts";
import { main } from "./main.ts";

/** Runs the process's own command line and sets its exit code. */
export async function runProcess(): Promise<void> {
  const interrupt = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"]) {
    process.on(name, () => {
      // The first asks for an orderly end, the second insists.
      if (interrupt.signal.aborted) process.exit(exitCode("interrupted"));
      interrupt.abort();
    });
  }
  // `florence … | head`: nobody reads on, which is no mistake of anyone.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(exitCode("ok"));
  });
  process.exitCode = await main(process.argv.slice(2), {
    openModel: openBundle,
    stdin: process.stdin,
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    signal: interrupt.signal,
  });
}

function outputOf(stream: NodeJS.WriteStream): Output {
  return {
    // Both are absent, against their types, where the stream is no terminal.
    get isTTY() {
      return (stream.isTTY as boolean | undefined) ?? false;
    },
    get columns() {
      return (stream.columns as number | undefined) ?? 80;
    },
    write: (text) => stream.write(text),
  };
}
