// Whether anything that the run in n8n tests has changed since it was last green:
// its inputs' hash stands in `last-green.json`, which a green run of all groups
// writes and which is committed with the change.

import { createHash } from "node:crypto";
import { globSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as v from "valibot";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FILE = new URL("last-green.json", import.meta.url);

/** The package, the run, and the service that answers it. */
const INPUTS = [
  "plugins/n8n/**/*",
  "test/n8n/**/*",
  "test/fakes/*.ts",
  "test/http/{loopback-service,app-target}.ts",
  "test/server/{node-target,server-process}.ts",
  "src/{http,server,node,shared,cli}/**/*.ts",
  "models/box/**/*",
  "examples/photos/*.jpg",
] as const;

/** Not of the run: what is built, what only people read, and the file itself. */
const OTHERS =
  /(^|\/)(node_modules|dist)\/|\.(md|png)$|\/last-green\.json$|\.test\.ts$/u;

const GreenSchema = v.object({ hash: v.string(), passed: v.number() });

/** Says what is so, where nothing has changed. */
export function hasChanged(): boolean {
  const { hash, passed } = v.parse(
    GreenSchema,
    JSON.parse(readFileSync(FILE, "utf8")),
  );
  if (hash !== hashOfInputs()) return true;
  console.log(
    `not run in n8n: nothing that it tests has changed since ${passed} cases passed (${FILE_NAME})`,
  );
  return false;
}

const FILE_NAME = "test/n8n/last-green.json";

export function noteGreenRun(passed: number): void {
  const green = { hash: hashOfInputs(), passed };
  writeFileSync(FILE, `${JSON.stringify(green, null, 2)}\n`);
  console.error(`wrote ${FILE_NAME}; commit it with the change`);
}

/** SHA-256 over names and contents, in the order of names. */
export function hashOfInputs(): string {
  const hash = createHash("sha256");
  const files = INPUTS.flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
    .filter((file) => !OTHERS.test(file))
    .filter((file) => statSync(ROOT + file).isFile())
    .sort();
  for (const file of files) {
    const bytes = readFileSync(ROOT + file);
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}
