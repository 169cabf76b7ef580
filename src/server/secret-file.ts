// The service's secret, made once and kept in its data folder.

import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * The secret of a data folder, made at the first call; only its owner may read
 * the file. Two processes that start at once find the same.
 */
export async function keptSecret(dataFolder: string): Promise<string> {
  const path = join(dataFolder, "secret");
  const known = await readIfThere(path);
  if (known !== null) return known;
  const made = randomBytes(32).toString("base64url");
  const beside = `${path}.${process.pid}.part`;
  await writeFile(beside, `${made}\n`, { mode: 0o600 });
  try {
    // Unlike renaming, linking fails where another process was first.
    await link(beside, path);
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    await rm(beside);
  }
  return (await readIfThere(path)) ?? made;
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
