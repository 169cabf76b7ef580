// Files and folders a command writes.

import { mkdir, writeFile } from "node:fs/promises";
import { FlorenceError } from "../shared/errors.ts";

/**
 * Makes a folder and those above it; one that is there is fine.
 *
 * @throws FlorenceError `not_found` if it cannot be made.
 */
export async function makeFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true }).catch(refuse(folder));
}

/** @throws FlorenceError `not_found` if the file cannot be written. */
export async function writeOutput(
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  await writeFile(path, bytes).catch(refuse(path));
}

function refuse(path: string): (cause: unknown) => never {
  return (cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FlorenceError(
      "not_found",
      `Cannot write ${path}: ${reason}. Name a folder that can be written.`,
      { cause },
    );
  };
}
