// Our package as it would be published: built and linted with n8n's own tools,
// both legs of its scanner passed, packed.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const SOURCE = fileURLToPath(new URL("../../plugins/n8n", import.meta.url));

interface Scanned {
  readonly passed: boolean;
  readonly details?: string;
}

interface Scanner {
  readonly SOURCE_FILE_PATTERNS: readonly string[];
  readonly analyzePackage: (
    folder: string,
    patterns: readonly string[],
  ) => Promise<Scanned>;
}

/**
 * Builds, lints, packs and scans in a folder of its own beside the tools, which is
 * then removed.
 *
 * @param tools whose `node_modules` has what the package's lock says.
 * @param into an empty folder, for the tarball and what is in it.
 * @returns path of the tarball.
 */
export async function makeTarball(
  tools: string,
  into: string,
): Promise<string> {
  const folder = mkdtempSync(join(tools, "package-"));
  try {
    cpSync(SOURCE, folder, {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist)(\/|$)/u.test(path),
    });
    symlinkSync(join(tools, "node_modules"), join(folder, "node_modules"));
    const cli = join(tools, "node_modules/.bin/n8n-node");
    run(folder, process.execPath, [cli, "build"]);
    run(folder, process.execPath, [cli, "lint"]);
    run(folder, "npm", [
      "pack",
      "--ignore-scripts",
      "--pack-destination",
      into,
    ]);
    const name = readdirSync(into).find((one) => one.endsWith(".tgz"));
    if (name === undefined) throw new Error("npm pack made no tarball");
    const tarball = join(into, name);
    run(into, "tar", ["xzf", tarball]);
    await scan(tools, folder, join(into, "package"));
    console.log("build, lint, scanner (source and tarball): passed");
    return tarball;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Both legs of the scanner that judges published packages. */
async function scan(
  tools: string,
  source: string,
  unpacked: string,
): Promise<void> {
  const path = "node_modules/@n8n/scan-community-package/scanner/scanner.mjs";
  const { analyzePackage, SOURCE_FILE_PATTERNS } = (await import(
    pathToFileURL(join(tools, path)).href
  )) as Scanner;
  const legs = [
    await analyzePackage(source, SOURCE_FILE_PATTERNS),
    await analyzePackage(unpacked, ["**/*.js", "package.json"]),
  ];
  if (legs.every(({ passed }) => passed)) return;
  throw new Error(`scanner: ${legs.map(({ details }) => details).join("")}`);
}

function run(cwd: string, command: string, given: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(command, given, {
    cwd,
    encoding: "utf8",
    env: {
      ...process.env,
      PATH: `${join(process.execPath, "..")}:${process.env["PATH"] ?? ""}`,
    },
  });
  if (status !== 0) {
    throw new Error(`${command} ${given.join(" ")}:\n${stdout}${stderr}`);
  }
}
