// Pictures made by number, each with its record: what composites and rendered
// text have in common.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FlorenceError } from "../../shared/errors.ts";
import { openJournal, type HalfLine } from "../../node/journal.ts";
import { parseRecords } from "../records/read-records.ts";
import type { PhotoRecord, SeenPhoto } from "../records/record.ts";
import { openThreadPool } from "../threads/thread-pool.ts";

/** The file in the folder of pictures that tells of them. */
export const RECORDS_FILE = "records.jsonl";

export interface MakeOptions {
  /** Folder to write, or to go on with. */
  readonly out: string;
  readonly count: number;
  readonly seed: number;
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly onHalfLine?: (line: HalfLine) => void;
  readonly onPhoto?: (done: number, total: number, path: string) => void;
}

/**
 * Makes the pictures 0 to `count - 1` that are not there yet. A picture depends
 * on the seed and its number alone.
 *
 * @param script of threads that make picture n of these settings.
 * @returns pictures made in this run.
 * @throws FlorenceError `invalid_request` for a folder of another seed;
 *   `not_found` if it cannot be written; what the threads throw.
 */
export async function makePictures(
  script: URL,
  settings: object,
  { out, count, seed, workers, signal, ...told }: MakeOptions,
): Promise<number> {
  await mkdir(out, { recursive: true }).catch((cause: unknown) => {
    throw new FlorenceError("not_found", `Cannot make ${out}.`, { cause });
  });
  const journal = await openJournal(join(out, RECORDS_FILE));
  try {
    if (journal.halfLine !== null) told.onHalfLine?.(journal.halfLine);
    const before = parseRecords(journal.lines, journal.path);
    refuseOtherSeeds(before, seed, out);
    const made = new Set(before.map(({ photo }) => numberIn(photo.path)));
    const left = Array.from({ length: count }, (_, number) => number).filter(
      (number) => !made.has(number),
    );
    if (left.length === 0) return 0;
    const pool = await openThreadPool<null, number, SeenPhoto>(
      script,
      settings,
      Math.min(workers, left.length),
    );
    let done = 0;
    try {
      await pool.run(
        left,
        async (record) => {
          await journal.append(record);
          done += 1;
          told.onPhoto?.(done, left.length, record.photo.path);
        },
        signal,
      );
    } finally {
      await pool.close();
    }
    return done;
  } finally {
    await journal.close();
  }
}

function refuseOtherSeeds(
  records: readonly PhotoRecord[],
  seed: number,
  out: string,
): void {
  const other = records.find(
    (record) => "by" in record && record.by.revision !== `seed-${seed}`,
  );
  if (other === undefined) return;
  throw new FlorenceError(
    "invalid_request",
    `${out} holds pictures of another seed. Name another folder, or the same seed.`,
  );
}

/** The number in `composite-000017.webp`. */
function numberIn(path: string): number {
  return Number(/(\d+)\.webp$/u.exec(path)?.[1] ?? -1);
}
