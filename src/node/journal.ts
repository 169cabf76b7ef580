// An append-only file of JSON lines that survives a killed process and a full
// disk: whatever was written whole is there when it is opened again.

import { constants } from "node:fs";
import { mkdir, open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { FlorenceError } from "../shared/errors.ts";
import { lockFile } from "./lock-file.ts";

/** What was found behind the last whole line. */
export interface HalfLine {
  /** Its number, from 1. */
  readonly number: number;
  readonly bytes: number;
}

/** A journal that is open for writing; its opener closes it. */
export interface Journal {
  readonly path: string;
  /** Whole lines that were there already. */
  readonly lines: readonly string[];
  /** A line that was being written when a process ended; it is cut off. */
  readonly halfLine: HalfLine | null;

  /**
   * Writes one value as a line and waits until the disk has it. Calls made at
   * the same time are written in their order.
   *
   * @throws FlorenceError `not_found` if it cannot be written; what was written
   *   before is whole, and nothing of this line is left.
   */
  append(value: unknown): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a journal, making it and its folder where there is none. One process
 * may write it at a time.
 *
 * Reads the whole file; peak memory is twice its size.
 *
 * @throws FlorenceError `not_found` if it cannot be opened, `invalid_request`
 *   if another process writes it.
 */
export async function openJournal(path: string): Promise<Journal> {
  await mkdir(dirname(path), { recursive: true }).catch(refuse(path));
  const unlock = await lockFile(`${path}.lock`);
  let file: FileHandle | null = null;
  try {
    const { O_CREAT, O_RDWR } = constants;
    file = await open(path, O_CREAT | O_RDWR).catch(refuse(path));
    const text = await file.readFile();
    const end = text.lastIndexOf(0x0a) + 1;
    const lines = text.toString("utf8", 0, end).split("\n").slice(0, -1);
    const bytes = text.length - end;
    if (bytes > 0) await file.truncate(end);
    return writerOf(path, file, end, unlock, {
      lines,
      halfLine: bytes > 0 ? { number: lines.length + 1, bytes } : null,
    });
  } catch (error) {
    await file?.close();
    await unlock();
    throw error;
  }
}

function writerOf(
  path: string,
  file: FileHandle,
  start: number,
  unlock: () => Promise<void>,
  found: Pick<Journal, "lines" | "halfLine">,
): Journal {
  let end = start;
  let isBroken = false;
  let last: Promise<void> = Promise.resolve();

  const write = async (value: unknown): Promise<void> => {
    if (isBroken) throw cannotWrite(path, "an earlier line failed");
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    try {
      for (let done = 0; done < line.length;) {
        const rest = line.length - done;
        const { bytesWritten } = await file.write(line, done, rest, end + done);
        done += bytesWritten;
      }
      await file.datasync();
      end += line.length;
    } catch (cause) {
      isBroken = true;
      // A full disk takes part of a line. Cutting it off needs no room; where
      // even that fails, the next opening does it.
      await file.truncate(end).catch(() => undefined);
      throw cannotWrite(path, messageOf(cause), cause);
    }
  };

  return {
    path,
    ...found,
    append(value) {
      const next = last.then(() => write(value));
      last = next.catch(() => undefined);
      return next;
    },
    async close() {
      await last;
      await file.close();
      await unlock();
    },
  };
}

function refuse(path: string): (cause: unknown) => never {
  return (cause) => {
    throw cannotWrite(path, messageOf(cause), cause);
  };
}

function cannotWrite(
  path: string,
  reason: string,
  cause?: unknown,
): FlorenceError {
  return new FlorenceError(
    "not_found",
    `Cannot write ${path}: ${reason}. What was written before is whole. Make room, then run the same command again: it goes on from there.`,
    { cause },
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
