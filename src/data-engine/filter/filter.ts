// The second phase: what was said of the photos, sorted into what is worth
// learning from and what is not, each removal with its reason.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { FlorenceError } from "../../shared/errors.ts";
import { openJournal, type HalfLine } from "../../node/journal.ts";
import {
  historyByPhoto,
  parseRecords,
  readRecords,
  type PhotoHistory,
} from "../records/read-records.ts";
import type { PhotoRecord, SeenPhoto, Source } from "../records/record.ts";
import type { FilterOptions } from "./filter-options.ts";
import { filterPhoto } from "./filter-photo.ts";
import { findCopies, type Copy } from "./near-duplicates.ts";

export interface FilterRun {
  /** JSONL of `annotate`. */
  readonly records: string;
  /** JSONL to write, or to go on with. */
  readonly out: string;
  readonly options: FilterOptions;
  readonly signal: AbortSignal;
  readonly onHalfLine?: (line: HalfLine) => void;
  readonly onPhoto?: (done: number, total: number, path: string) => void;
}

/**
 * Filters what was annotated, one record per photo, by path. May be killed and
 * run again: it goes on where it was.
 *
 * One thread: 169 photos with 4,000 annotations took 1.8 s of processor time,
 * the start of the program among it.
 *
 * @returns all records of the output.
 * @throws FlorenceError `invalid_request` for a faulty line, or an output that
 *   was made from other records or with other options; `not_found` if a file
 *   cannot be read or written.
 */
export async function filter(run: FilterRun): Promise<PhotoRecord[]> {
  const history = historyByPhoto(await readRecords(run.records));
  const by: Source = {
    kind: "specialist",
    id: "filter",
    revision: await fingerprint(run),
  };
  const journal = await openJournal(run.out);
  try {
    if (journal.halfLine !== null) run.onHalfLine?.(journal.halfLine);
    const before = parseRecords(journal.lines, run.out);
    refuseOthers(before, by, run.out);
    const records = [...before];
    const done = new Set(before.map(({ photo }) => photo.path));
    const copies = copiesIn(history, run.options);
    for (const path of [...history.keys()].sort()) {
      if (run.signal.aborted) break;
      if (done.has(path)) continue;
      const record = filterOne(history.get(path)!, by, copies, run.options);
      await journal.append(record);
      records.push(record);
      run.onPhoto?.(records.length, history.size, path);
    }
    return records;
  } finally {
    await journal.close();
  }
}

/** Names the input and the options: a run with others is another run. */
async function fingerprint({ records, options }: FilterRun): Promise<string> {
  return createHash("sha256")
    .update(await readFile(records))
    .update(JSON.stringify(options))
    .digest("hex")
    .slice(0, 16);
}

function refuseOthers(
  records: readonly PhotoRecord[],
  by: Source,
  path: string,
): void {
  const isOther = records.some(
    (record) => "by" in record && record.by.revision !== by.revision,
  );
  if (!isOther) return;
  throw new FlorenceError(
    "invalid_request",
    `${path} was made from other records or with other options. Name another file with --out, or remove it.`,
  );
}

function filterOne(
  { seen, unreadable }: PhotoHistory,
  by: Source,
  copies: ReadonlyMap<string, Copy & { readonly isLeak: boolean }>,
  options: FilterOptions,
): PhotoRecord {
  if (unreadable !== null) return unreadable;
  const { photo } = seen[0]!;
  const split = splitOf(seen);
  const annotations = seen.flatMap((record) => record.annotations);
  const { kept, removed } = filterPhoto(annotations, options);
  const copy = copies.get(photo.path);
  return {
    photo,
    ...(split !== undefined && { split }),
    by,
    annotations: [...kept],
    removed: [...removed],
    ...(copy !== undefined && {
      dropped: {
        reason: copy.isLeak ? "split_leak" : "near_duplicate",
        detail: `looks like ${copy.of} (${copy.bits} of 64 bits differ)`,
      },
    }),
  };
}

/**
 * Copies by path. Photos of protected splits come first: a copy of one leaks,
 * and they themselves are never dropped.
 */
function copiesIn(
  history: ReadonlyMap<string, PhotoHistory>,
  { duplicateBits, protectedSplits }: FilterOptions,
): ReadonlyMap<string, Copy & { readonly isLeak: boolean }> {
  const photos = [...history.values()]
    .filter(({ seen }) => seen.length > 0)
    .map(({ seen }) => ({
      ...seen[0]!.photo,
      isProtected: protectedSplits.includes(splitOf(seen) ?? ""),
    }))
    .sort(
      (a, b) =>
        Number(b.isProtected) - Number(a.isProtected) ||
        (a.path < b.path ? -1 : 1),
    );
  const protectedPaths = new Set(
    photos.filter((photo) => photo.isProtected).map(({ path }) => path),
  );
  return new Map(
    findCopies(photos, duplicateBits)
      .filter(({ path }) => !protectedPaths.has(path))
      .map((copy) => [
        copy.path,
        { ...copy, isLeak: protectedPaths.has(copy.of) },
      ]),
  );
}

/** The split of a photo, from the last who knew it. */
function splitOf(seen: readonly SeenPhoto[]): string | undefined {
  return seen.findLast(({ split }) => split !== undefined)?.split;
}
