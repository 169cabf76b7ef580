// Makes what the edge Worker is deployed with: the model in the box for the
// kernels, from its checkpoint. wrangler runs this before it bundles the script
// (`[build]` of wrangler.toml), so that nobody has to; a bundle that is still true
// is left as it is.
//
//   node workers/make-bundle.ts       a quarter of a minute; 24.5 MB in dist/edge-bundle

import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { convertCheckpoint, parseEdgeChoices } from "../src/convert/index.ts";
import { loadImageCodecs } from "../src/node/image-codecs.ts";
import { lockFile } from "../src/node/lock-file.ts";
import { isFlorenceError } from "../src/shared/errors.ts";
import { decodeImage } from "../src/shared/image/decode-image.ts";
import type { RgbImage } from "../src/shared/image/rgb-image.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const CHECKPOINT = join(ROOT, "models/box/checkpoint");
const OUT = join(ROOT, "dist/edge-bundle");
const STAMP = `${OUT}.sha256`;

/** Bits of a weight (`docs/kernels.md` says what each choice costs). */
const BITS = "7";

/** Spent on the classifier's first matrices in float: 25 MB are allowed in all. */
const EXACT_BYTES = 2_700_000;

/** Training photos; their labels are not read. */
const PHOTOS = "models/box/calibration/*.webp";

/** What the bundle is made of: weights, and whatever packs them. */
const SOURCES = [
  "models/box/checkpoint/*",
  "src/convert/**/*.ts",
  "src/shared/model/**/*.ts",
  "workers/make-bundle.ts",
  PHOTOS,
];

const wanted = hashOf(SOURCES);
await mkdir(dirname(OUT), { recursive: true });
while (!isThere()) {
  const unlock = await lockFile(`${OUT}.lock`).catch((error: unknown) => {
    if (isFlorenceError(error) && error.code === "invalid_request") return null;
    throw error;
  });
  if (unlock === null) {
    await setTimeout(500); // another makes it
    continue;
  }
  try {
    if (!isThere()) await make();
  } finally {
    await unlock();
  }
}

async function make(): Promise<void> {
  console.log(`Making ${OUT}: a quarter of a minute, once for each model.`);
  const own = `${OUT}-${process.pid}`;
  try {
    const edge = { ...parseEdgeChoices(BITS), exactBytes: EXACT_BYTES };
    const { bytes } = await convertCheckpoint(CHECKPOINT, {
      ...{ out: own, precision: "edge", edge, id: "florence-box" },
      license: "Apache-2.0",
      ...{ calibration: await readPhotos(), calibrated: "vision" },
    });
    await rm(OUT, { recursive: true, force: true });
    await rename(own, OUT);
    await writeFile(STAMP, wanted);
    console.log(`Made ${OUT}: ${(bytes / 1e6).toFixed(1)} MB.`);
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** What the vision side's weights are rounded by: the text side gains nothing. */
async function readPhotos(): Promise<RgbImage[]> {
  const codecs = await loadImageCodecs();
  const photos: RgbImage[] = [];
  for (const file of globSync(PHOTOS, { cwd: ROOT }).toSorted()) {
    const bytes = readFileSync(join(ROOT, file));
    photos.push((await decodeImage(bytes, codecs)).image);
  }
  return photos;
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
