// Makes what the edge Worker is deployed with: the model in the box for the
// kernels, from its checkpoint. wrangler runs this before it bundles the script
// (`[build]` of wrangler.toml), so that nobody has to; a bundle that is still true
// is left as it is.
//
//   node workers/make-bundle.ts       some three seconds; 22 MB in dist/edge-bundle

import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { convertCheckpoint, parseEdgeChoices } from "../src/convert/index.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const CHECKPOINT = join(ROOT, "models/box/checkpoint");
const OUT = join(ROOT, "dist/edge-bundle");
const STAMP = `${OUT}.sha256`;

/**
 * Bits of a weight. First choices as at fp32: 96.6 % without VNNI, and 98.4 % with
 * `7,efficientnet_lite2=32`, which takes 38 MB (`docs/kernels.md`).
 */
const BITS = "7";

/** What the bundle is made of: weights, and whatever packs them. */
const SOURCES = [
  "models/box/checkpoint/*",
  "src/convert/**/*.ts",
  "src/shared/model/**/*.ts",
  "workers/make-bundle.ts",
];

const wanted = hashOf(SOURCES);
if (!isThere()) await make();

async function make(): Promise<void> {
  await mkdir(dirname(OUT), { recursive: true });
  // Two may begin at once: each makes one of its own.
  const own = `${OUT}-${process.pid}`;
  try {
    const edge = parseEdgeChoices(BITS);
    const { bytes } = await convertCheckpoint(CHECKPOINT, {
      ...{ out: own, precision: "edge", edge, id: "florence-box" },
      license: "Apache-2.0",
    });
    if (isThere()) return;
    await rm(OUT, { recursive: true, force: true });
    await rename(own, OUT);
    await writeFile(STAMP, wanted);
    console.log(`Made ${OUT}: ${(bytes / 1e6).toFixed(1)} MB.`);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function isThere(): boolean {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === wanted;
}

function hashOf(patterns: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of globSync(patterns, { cwd: ROOT }).toSorted()) {
    const bytes = readFileSync(join(ROOT, file));
    hash.update(`${file} ${bytes.length}\n`).update(bytes);
  }
  return hash.digest("hex");
}
