// The first phase: specialists look at every photo of a folder.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { FlorenceError } from "../../shared/errors.ts";
import {
  openJournal,
  type HalfLine,
  type Journal,
} from "../../node/journal.ts";
import {
  historyByPhoto,
  parseRecords,
  type PhotoHistory,
} from "../records/read-records.ts";
import { isSeen, type Annotation, type Source } from "../records/record.ts";
import type { SpecialistSpec } from "../specialists/specialist.ts";
import { openCrew, type Assignment, type CrewMember } from "./crew.ts";
import { listPhotos } from "./read-photo.ts";

export interface AnnotateOptions {
  /** Folder of the photos, to any depth. */
  readonly photos: string;
  /** JSONL to write, or to go on with. */
  readonly out: string;
  /** In the order they speak: a later one may use what earlier ones said. */
  readonly specialists: readonly SpecialistSpec[];
  /** What is known of photos from elsewhere, by path, for those who listen. */
  readonly known?: ReadonlyMap<string, readonly Annotation[]>;
  /** Threads, each with all specialists. */
  readonly workers: number;
  /** Whether photos and specialists that failed before are tried again. */
  readonly retry?: boolean;
  readonly signal: AbortSignal;
  /** Told of a half-written line that was cut off. */
  readonly onHalfLine?: (line: HalfLine) => void;
  /** Told after each photo. */
  readonly onPhoto?: (done: number, total: number, path: string) => void;
}

export interface AnnotateReport {
  /** Photos in the folder. */
  readonly photos: number;
  /** Photos looked at in this run. */
  readonly done: number;
  /** Photos of this run that could not be read. */
  readonly unreadable: number;
  /** Photos of this run a specialist failed on, with the first reason. */
  readonly failed: readonly {
    readonly path: string;
    readonly detail: string;
  }[];
  readonly annotations: number;
}

/**
 * Annotates what is not annotated yet. May be killed at any time and run again:
 * nothing that was written is done twice, and what changed (a photo, a model,
 * the labels, a new specialist) is done anew.
 *
 * @throws FlorenceError what keeps it from reading the folder, opening a
 *   specialist or writing; photos that fail are in the records.
 */
export async function annotate(
  options: AnnotateOptions,
): Promise<AnnotateReport> {
  const paths = await listPhotos(options.photos);
  const journal = await openJournal(options.out);
  try {
    if (journal.halfLine !== null) options.onHalfLine?.(journal.halfLine);
    return await annotateInto(journal, paths, options);
  } finally {
    await journal.close();
  }
}

async function annotateInto(
  journal: Journal,
  paths: readonly string[],
  options: AnnotateOptions,
): Promise<AnnotateReport> {
  const history = historyByPhoto(parseRecords(journal.lines, journal.path));
  const { photos, specialists, workers, signal } = options;
  // A model's run gets one core where photos are spread over all of them.
  const settings = { folder: photos, specialists, threads: 1 };
  const crew = await openCrew(settings, workers);
  const failed: { path: string; detail: string }[] = [];
  let [done, unreadable, annotations] = [0, 0, 0];
  try {
    const members = crew.ready[0]!;
    refuseEqualIds(members);
    const assignments: Assignment[] = [];
    for (const path of paths) {
      const bytes = (await stat(join(photos, path)).catch(() => null))?.size;
      const next = assignmentOf(
        path,
        bytes ?? 0,
        history.get(path),
        members,
        options.retry ?? false,
      );
      if (next === null) continue;
      const elsewhere = options.known?.get(path) ?? [];
      assignments.push({ ...next, known: [...elsewhere, ...next.known] });
    }
    await crew.run(
      assignments,
      async (records) => {
        for (const record of records) await journal.append(record);
        done += 1;
        for (const record of records) {
          if (!isSeen(record)) unreadable += 1;
          else annotations += record.annotations.length;
        }
        const path = records[0]!.photo.path;
        const problem = records.find(
          (record) => record.problem !== undefined,
        )?.problem;
        if (problem !== undefined)
          failed.push({ path, detail: problem.detail });
        options.onPhoto?.(done, assignments.length, path);
      },
      signal,
    );
  } finally {
    await crew.close();
  }
  return { photos: paths.length, done, unreadable, failed, annotations };
}

/** What is left to do about a photo; null if nothing is. */
function assignmentOf(
  path: string,
  bytes: number,
  history: PhotoHistory | undefined,
  members: readonly CrewMember[],
  retry: boolean,
): Assignment | null {
  const unreadable = history?.unreadable ?? null;
  if (unreadable?.photo.bytes === bytes && !retry) return null;
  const seen = (history?.seen ?? []).filter(
    ({ photo }) => photo.bytes === bytes,
  );
  const hasSpoken = ({ id, revision }: Source): boolean =>
    seen.some(
      ({ by, problem }) =>
        by?.id === id &&
        by.revision === revision &&
        (problem === undefined || !retry),
    );
  const pending: string[] = [];
  for (const { source, listens } of members) {
    // Whoever listens speaks again once somebody before has something new.
    const isStale = listens && pending.length > 0;
    if (isStale || !hasSpoken(source)) pending.push(source.id);
  }
  if (pending.length === 0) return null;
  const others = seen.filter(
    ({ by }) => by !== undefined && !pending.includes(by.id),
  );
  return {
    path,
    pending,
    known: others.flatMap(({ annotations }) => annotations),
  };
}

/** One id is one voice: of two, the second would be taken for a correction. */
function refuseEqualIds(members: readonly CrewMember[]): void {
  const ids = members.map(({ source }) => source.id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice === undefined) return;
  throw new FlorenceError(
    "invalid_request",
    `Two specialists are called "${twice}". Name each once; bundles are told apart by the id in their manifest (florence convert --id).`,
  );
}
