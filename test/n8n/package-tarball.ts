// Our package as it would be published: built and linted with n8n's own tools,
// both legs of its scanner passed, packed.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync } from "node:fs";
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
  analyzePackage(folder: string, patterns: readonly string[]): Promise<Scanned>;
}

/**
 * Builds, lints, packs and scans in a folder beside the tools.
 *
 * @param tools whose `node_modules` has what the package's lock says.
 * @returns path of the tarball.
 */
export async function makeTarball(tools: string): Promise<string> {
  const folder = join(tools, "pkg");
  const unpacked = join(tools, "unpacked");
  for (const one of [folder, unpacked]) {
    rmSync(one, { recursive: true, force: true });
    mkdirSync(one, { recursive: true });
  }
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
    unpacked,
  ]);
  const name = readdirSync(unpacked).find((one) => one.endsWith(".tgz"));
  if (name === undefined) throw new Error("npm pack made no tarball");
  const tarball = join(unpacked, name);
  run(unpacked, "tar", ["xzf", tarball]);
  const path = "node_modules/@n8n/scan-community-package/scanner/scanner.mjs";
  const scanner = (await import(
    pathToFileURL(join(tools, path)).href
  )) as Scanner;
  const source = await scanner.analyzePackage(
    folder,
    scanner.SOURCE_FILE_PATTERNS,
  );
  const packed = await scanner.analyzePackage(join(unpacked, "package"), [
    "**/*.js",
    "package.json",
  ]);
  if (!source.passed || !packed.passed) {
    throw new Error(`scanner: ${source.details ?? ""}${packed.details ?? ""}`);
  }
  console.log("build, lint, scanner (source and tarball): passed");
  return tarball;
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
