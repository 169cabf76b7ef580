// The blob port over a folder: a file for the bytes, one beside it for its
// media type.

import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import type { Blobs } from "../http/ports/blobs.ts";

const TYPE_SUFFIX = ".media-type";

/** Blobs as files under `folder`, which is made when it is first written to. */
export function openFolderBlobs(folder: string): Blobs {
  const pathOf = (key: string): string => join(folder, ...key.split("/"));
  return {
    async get(key) {
      const path = pathOf(key);
      try {
        const bytes = new Uint8Array(await readFile(path));
        return { bytes, mediaType: await readMediaType(path) };
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },
    async put(key, bytes, mediaType) {
      const path = pathOf(key);
      await mkdir(dirname(path), { recursive: true });
      await replace(path + TYPE_SUFFIX, mediaType);
      await replace(path, bytes);
    },
    async delete(keys) {
      for (const key of keys) {
        const path = pathOf(key);
        await rm(path, { force: true });
        await rm(path + TYPE_SUFFIX, { force: true });
      }
    },
  };
}

/** A file that its owner laid there by hand says nothing of its type. */
async function readMediaType(path: string): Promise<string> {
  try {
    return await readFile(path + TYPE_SUFFIX, "utf8");
  } catch (error) {
    if (isMissing(error)) return "application/octet-stream";
    throw error;
  }
}

/** Writes beside and renames: a reader sees the old file or the new one. */
async function replace(path: string, data: Uint8Array | string): Promise<void> {
  const beside = `${path}.${randomUUID()}.part`;
  await writeFile(beside, data);
  await rename(beside, path);
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    ["ENOENT", "ENOTDIR", "EISDIR", "ENAMETOOLONG"].includes(String(error.code))
  );
}
