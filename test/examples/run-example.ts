// Runs an example the way its first comment says.

import { execFile } from "node:child_process";
import { join } from "node:path";
import process from "node:process";

const ROOT = join(import.meta.dirname, "../..");

export interface ExampleRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `examples/<name>/index.ts` from the root of the repository. */
export async function runExample(
  name: string,
  args: readonly string[] = [],
): Promise<ExampleRun> {
  return await new Promise((resolve) => {
    execFile(
      process.execPath,
      [`examples/${name}/index.ts`, ...args],
      { cwd: ROOT },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code ?? 1);
        resolve({ code, stdout, stderr });
      },
    );
  });
}
