// Whether anything that the run in n8n tests has changed since it was last green:
// its inputs' hash stands in `last-green.json`, which a green run of all groups
// writes and which is committed with the change.

import { createHash } from "node:crypto";
import {
  existsSync,
  globSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as v from "valibot";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const FILE = "test/n8n/last-green.json";

/** The package, the run, and the service that answers it. */
const INPUTS = [
  "package-lock.json",
  "plugins/n8n/**/*",
  "test/n8n/**/*",
  "test/fakes/*",
  "test/http/{loopback-service,app-target}.ts",
  "test/server/{node-target,server-process}.ts",
  "test/contract/http/hook-settings.ts",
  "src/{cli,http,kernels,node,server,shared}/**/*",
  "models/box/**/*",
  "examples/photos/*.jpg",
] as const;

/** What is built or only read by people, tests without n8n, and the note itself. */
const OTHERS =
  /(^|\/)(node_modules|dist)\/|\.(md|png|webp)$|\.test\.ts$|\/last-green\.json$/u;

const GreenSchema = v.object({
  /** Of the inputs. */
  hash: v.string(),
  /** Cases of that run. */
  passed: v.number(),
});

/** The hash of today's inputs. */
export function hashToday(): string {
  return hashInputs(ROOT);
}

/** Whether a run is due; if none is, says why. */
export function isRunDue(): boolean {
  if (!existsSync(join(ROOT, FILE))) return true;
  const note: unknown = JSON.parse(readFileSync(join(ROOT, FILE), "utf8"));
  const { hash, passed } = v.parse(GreenSchema, note);
  if (hash !== hashToday()) return true;
  console.log(
    `Not run in n8n: nothing that it tests has changed since ${passed} cases passed (${FILE}).`,
  );
  return false;
}

/**
 * Notes that all groups of cases passed.
 *
 * @param hash of the inputs as they were when the run began.
 */
export function noteGreenRun(hash: string, passed: number): void {
  const note = { hash, passed };
  writeFileSync(join(ROOT, FILE), `${JSON.stringify(note, null, 2)}\n`);
}

/**
 * SHA-256 over the inputs' names and contents, in the order of names.
 *
 * @param root folder of the repository.
 */
export function hashInputs(root: string): string {
  const hash = createHash("sha256");
  const files = INPUTS.flatMap((pattern) => globSync(pattern, { cwd: root }))
    .filter((file) => !OTHERS.test(file))
    .filter((file) => statSync(join(root, file)).isFile())
    .sort();
  for (const file of files) {
    const bytes = readFileSync(join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
}
