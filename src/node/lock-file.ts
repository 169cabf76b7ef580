// One writer at a time: a file with the writer's process id.

import { open, readFile, unlink } from "node:fs/promises";
import { FlorenceError } from "../shared/errors.ts";

/**
 * Takes a lock, also over one whose process was killed.
 *
 * @returns gives the lock back.
 * @throws FlorenceError `invalid_request` while another process has it,
 *   `not_found` if the file cannot be made.
 */
export async function lockFile(path: string): Promise<() => Promise<void>> {
  for (;;) {
    const file = await open(path, "wx").catch((cause: unknown) => {
      if (codeOf(cause) === "EEXIST") return null;
      throw new FlorenceError("not_found", `Cannot make ${path}.`, { cause });
    });
    if (file !== null) {
      await file.writeFile(String(process.pid));
      await file.close();
      return () => unlink(path);
    }
    const holder = await holderOf(path);
    if (holder !== null && isAlive(holder)) {
      throw new FlorenceError(
        "invalid_request",
        `Process ${holder} is writing beside ${path}. Wait for it to end; if it is no run of florence, remove that file.`,
      );
    }
    await unlink(path).catch((cause: unknown) => {
      if (codeOf(cause) !== "ENOENT") throw cause;
    });
  }
}

/** The process that made the lock; null if it left no number. */
async function holderOf(path: string): Promise<number | null> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") return "";
    throw cause;
  });
  const id = Number(text);
  return Number.isInteger(id) && id > 0 ? id : null;
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    // Another user's process is alive as well.
    return codeOf(error) === "EPERM";
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error
    ? String(error.code)
    : undefined;
}
