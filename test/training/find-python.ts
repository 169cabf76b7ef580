// A Python that has what training needs, or why there is none.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import process from "node:process";

/** The repository's root. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The interpreter: `FLORENCE_PYTHON`, or the one on the path. */
export const PYTHON = process.env["FLORENCE_PYTHON"] ?? "python3";

/** Why `PYTHON` cannot import these modules; false if it can. */
export function lackOf(...modules: readonly string[]): string | false {
  const code = `import importlib.util, sys; sys.exit(", ".join(m for m in sys.argv[1:] if importlib.util.find_spec(m) is None) or 0)`;
  const { status, stderr, error } = spawnSync(
    PYTHON,
    ["-c", code, ...modules],
    { encoding: "utf8" },
  );
  if (error !== undefined)
    return `there is no ${PYTHON}: set FLORENCE_PYTHON to a Python with training/requirements.txt`;
  if (status === 0) return false;
  return `${PYTHON} lacks ${stderr.trim()}: pip install -r training/requirements.txt, or set FLORENCE_PYTHON`;
}

/** Runs a script of `training` from the root. */
export function runTraining(
  script: string,
  args: readonly string[],
): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    PYTHON,
    [`training/${script}`, ...args],
    { cwd: ROOT, encoding: "utf8" },
  );
  return { code: status, stdout, stderr };
}
