// n8n and its tools from npm, installed once, outside the repository's own
// dependencies: 3 GB and some minutes.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const CACHE =
  process.env["FLORENCE_N8N_CACHE"] ??
  fileURLToPath(
    new URL("../../node_modules/.cache/florence-n8n", import.meta.url),
  );

/** n8n, in the `node_modules` of the folder that comes back. */
export function installN8n(): string {
  return install("n8n", new URL("install/", import.meta.url), (folder) => {
    npm(folder, ["rebuild", "sqlite3"]);
  });
}

/** What builds and lints our package, as its own lock says. */
export function installTools(): string {
  return install("tools", new URL("../../plugins/n8n/", import.meta.url));
}

/**
 * Installs what is not there, or not of today's lock. No package's script runs but
 * what `then` runs: others would download from other hosts.
 */
function install(
  name: string,
  source: URL,
  then: (folder: string) => void = () => undefined,
): string {
  const folder = join(CACHE, name);
  // Written last: a tree half made, or of another lock, is made anew.
  const mark = join(folder, "installed");
  const lock = createHash("sha256")
    .update(readFileSync(new URL("package-lock.json", source)))
    .digest("hex");
  if (existsSync(mark) && readFileSync(mark, "utf8") === lock) return folder;
  console.log(`installing ${name} into ${folder}`);
  mkdirSync(folder, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) {
    cpSync(fileURLToPath(new URL(file, source)), join(folder, file));
  }
  npm(folder, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  then(folder);
  writeFileSync(mark, lock);
  return folder;
}

function npm(cwd: string, given: readonly string[]): void {
  const { status, stderr } = spawnSync("npm", given, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "inherit", "pipe"],
    env: {
      ...process.env,
      PATH: `${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}`,
    },
  });
  if (status !== 0) throw new Error(`npm ${given.join(" ")}:\n${stderr}`);
}
