// A bundle in a folder, its files checked against the manifest's hashes.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { FlorenceError } from "../shared/errors.ts";
import type { BundleSource } from "../shared/model/bundle-source.ts";
import type { Manifest } from "../shared/model/manifest.ts";

/** The files of a bundle in `folder`. */
export function bundleFolder(folder: string): BundleSource {
  const root = resolve(folder);
  return {
    name: folder,
    locate: (file) => join(root, file),
    async read(file) {
      try {
        return new Uint8Array(await readFile(join(root, file)));
      } catch (cause) {
        throw new FlorenceError(
          "bundle_invalid",
          `${folder} has no readable ${file}. Is it a model bundle? Make one with florence convert.`,
          { cause },
        );
      }
    },
  };
}

/**
 * Checks size and sha256 of every file the manifest lists.
 *
 * @throws FlorenceError `bundle_invalid`, naming the file.
 */
export async function verifyBundleFolder(
  folder: string,
  manifest: Manifest,
): Promise<void> {
  for (const file of manifest.files) {
    const path = join(folder, file.name);
    const info = await stat(path).catch(() => null);
    if (info === null) {
      throw new FlorenceError(
        "bundle_invalid",
        `${file.name} is missing from ${folder}. Copy the bundle again, or convert the model again.`,
      );
    }
    if (
      info.size !== file.bytes ||
      (await sha256OfFile(path)) !== file.sha256
    ) {
      throw new FlorenceError(
        "bundle_invalid",
        `${file.name} in ${folder} is not the file its manifest describes (${info.size} bytes, ${file.bytes} expected, or another hash). Copy the bundle again, or convert the model again.`,
      );
    }
  }
}

async function sha256OfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
