// The Python that training's tests run: opt-in, since they take minutes of
// processor time and packages that npm does not bring.

import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";

/** The repository's root. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The interpreter that `FLORENCE_PYTHON` names. */
const PYTHON = process.env["FLORENCE_PYTHON"];

/** Why there is no Python with these modules; false if there is one. */
export function lackOf(...modules: readonly string[]): string | false {
  if (PYTHON === undefined || PYTHON === "")
    return "set FLORENCE_PYTHON to a Python with training/requirements.txt";
  const code = `import importlib.util, sys; sys.exit(", ".join(m for m in sys.argv[1:] if importlib.util.find_spec(m) is None) or 0)`;
  const { status, stderr, error } = spawnSync(
    PYTHON,
    ["-c", code, ...modules],
    { encoding: "utf8" },
  );
  if (error !== undefined) return `there is no ${PYTHON} (FLORENCE_PYTHON)`;
  if (status === 0) return false;
  return `${PYTHON} lacks ${stderr.trim()}: pip install -r training/requirements.txt`;
}

/** How a run of Python ended, and what it said. */
export interface PythonRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs Python from the root.
 *
 * @param killAfter text on stdout at which the process is killed, as by
 *   `kill -9`.
 */
export async function runPython(
  args: readonly string[],
  killAfter?: string,
): Promise<PythonRun> {
  const child = spawn(PYTHON ?? "python3", args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    if (killAfter !== undefined && stdout.includes(killAfter))
      child.kill("SIGKILL");
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const [code, signal] = await new Promise<
    [number | null, NodeJS.Signals | null]
  >((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (...ended) => {
      resolve(ended);
    });
  });
  return { code, signal, stdout, stderr };
}

/** Runs a script of `training` from the root; see {@link runPython}. */
export function runTraining(
  script: string,
  args: readonly string[],
  killAfter?: string,
): Promise<PythonRun> {
  return runPython([`training/${script}`, ...args], killAfter);
}
