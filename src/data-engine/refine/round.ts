// One round of refining.

import { mkdir, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FlorenceError, throwIfAborted } from "../../shared/errors.ts";
import { readManifest } from "../../shared/model/open-model.ts";
import { bundleFolder } from "../../node/bundle-folder.ts";
import { annotate } from "../annotate/annotate.ts";
import { isSure } from "../filter/agreement.ts";
import { openJournal } from "../../node/journal.ts";
import {
  historyByPhoto,
  parseRecords,
  readRecords,
} from "../records/read-records.ts";
import {
  isSeen,
  type Annotation,
  type PhotoRecord,
  type SeenPhoto,
  type Source,
} from "../records/record.ts";
import type { BundleTask } from "../specialists/specialist.ts";
import { measureQuality, type JudgedPhoto } from "./quality.ts";
import { reconcile, type ReconcileCounts } from "./reconcile.ts";
import type { RefineOptions, RoundReport } from "./refine.ts";
import { runTraining } from "./train-command.ts";

/** A round and what came before it. */
export interface RoundContext extends RefineOptions {
  readonly round: number;
  /** Folder of the round. */
  readonly folder: string;
  /** What is known of the photos. */
  readonly known: readonly PhotoRecord[];
  readonly previousBundle: string | null;
}

/**
 * Trains, annotates with the trained bundle, and reconciles; each step is left
 * out where its output is there.
 *
 * @throws FlorenceError what its steps throw.
 */
export async function runRound(context: RoundContext): Promise<RoundReport> {
  const { folder, known, onStep, round } = context;
  await mkdir(folder, { recursive: true });
  onStep?.(round, "train");
  const trainedOn = await train(context);
  const { id, revision, tasks } = await readManifest(
    bundleFolder(join(folder, "bundle")),
  );
  onStep?.(round, "annotate");
  const said = await lookAgain(context);
  onStep?.(round, "reconcile");
  const asked = new Set(context.tasks.filter((task) => tasks.includes(task)));
  const counts = await reconcileAll(context, said, asked);
  return {
    round,
    bundle: { id, revision },
    trainedOn,
    yield: { photos: known.filter(isSeen).length, ...counts },
    quality: qualityOf(context, said),
  };
}

type Said = ReadonlyMap<string, readonly Annotation[]>;

/** Trains unless this round's bundle is there. */
async function train(context: RoundContext): Promise<RoundReport["trainedOn"]> {
  const { folder, known, options, photos, previousBundle } = context;
  const usable = known.filter(
    (record): record is SeenPhoto =>
      isSeen(record) &&
      record.dropped === undefined &&
      !options.protectedSplits.includes(record.split ?? ""),
  );
  const records = join(folder, "train.jsonl");
  const lines = usable.map((record) => `${JSON.stringify(record)}\n`);
  await writeWhole(records, lines.join(""));
  const done = join(folder, "trained");
  if ((await stat(done).catch(() => null)) === null) {
    const bundle = join(folder, "bundle");
    const log = join(folder, "train.log");
    await runTraining({
      command: context.train,
      paths: { photos, records, previousBundle, bundle, log },
      round: context.round,
      signal: context.signal,
    });
    await writeWhole(done, `${context.train}\n`);
  }
  const annotations = usable.flatMap((record) => record.annotations);
  return { photos: usable.length, annotations: annotations.length };
}

/** What the trained bundle says of each photo, with its stability. */
async function lookAgain(context: RoundContext): Promise<Said> {
  const { folder, known, onHalfLine, onPhoto } = context;
  const out = join(folder, "annotations.jsonl");
  await annotate({
    photos: context.photos,
    out,
    specialists: [
      {
        kind: "florence",
        bundle: join(folder, "bundle"),
        tasks: [...context.tasks],
        views: true,
      },
    ],
    known: new Map(
      known
        .filter(isSeen)
        .map(({ photo, annotations }) => [photo.path, annotations]),
    ),
    workers: context.workers,
    signal: context.signal,
    ...(onHalfLine !== undefined && { onHalfLine }),
    ...(onPhoto !== undefined && { onPhoto }),
  });
  throwIfAborted(context.signal);
  const history = historyByPhoto(await readRecords(out));
  return new Map(
    [...history].map(([path, { seen }]) => [
      path,
      seen.flatMap(({ annotations }) => annotations),
    ]),
  );
}

async function reconcileAll(
  { folder, known, options, round, onHalfLine, signal }: RoundContext,
  said: Said,
  asked: ReadonlySet<BundleTask>,
): Promise<ReconcileCounts & { readonly kept: number }> {
  const by: Source = {
    kind: "specialist",
    id: "refine",
    revision: `round-${round}`,
  };
  const sum = {
    agreed: 0,
    trusted: 0,
    dropped: 0,
    added: 0,
    unstable: 0,
    kept: 0,
  };
  const journal = await openJournal(join(folder, "records.jsonl"));
  try {
    if (journal.halfLine !== null) onHalfLine?.(journal.halfLine);
    const written = new Set(
      parseRecords(journal.lines, journal.path).map(({ photo }) => photo.path),
    );
    for (const record of known) {
      throwIfAborted(signal);
      const isNew = !written.has(record.photo.path);
      if (!isSeen(record) || record.dropped !== undefined) {
        if (isNew) await journal.append(record);
        continue;
      }
      const { annotations, removed, counts } = reconcile(
        record.annotations,
        said.get(record.photo.path) ?? [],
        asked,
        options,
      );
      sum.agreed += counts.agreed;
      sum.trusted += counts.trusted;
      sum.dropped += counts.dropped;
      sum.added += counts.added;
      sum.unstable += counts.unstable;
      sum.kept += annotations.length;
      if (!isNew) continue;
      await journal.append({
        ...record,
        by,
        annotations: [...annotations],
        removed: [...removed],
      } satisfies PhotoRecord);
    }
    return sum;
  } finally {
    await journal.close();
  }
}

/** Photos of protected splits only: no round was trained on them. */
function qualityOf(
  { known, options }: RoundContext,
  said: Said,
): RoundReport["quality"] {
  const photos = known.flatMap((record): JudgedPhoto[] => {
    if (!isSeen(record)) return [];
    if (!options.protectedSplits.includes(record.split ?? "")) return [];
    const human = record.annotations.filter(
      ({ source }) => source.kind === "human",
    );
    return [{ human, model: said.get(record.photo.path) ?? [] }];
  });
  const stable = photos.map(({ human, model }) => ({
    human,
    model: model.filter((annotation) => isSure(annotation, options)),
  }));
  return { said: measureQuality(photos), stable: measureQuality(stable) };
}

/**
 * Writes a file that is there whole or not at all.
 *
 * @throws FlorenceError `not_found` where there is no room or no right.
 */
async function writeWhole(path: string, text: string): Promise<void> {
  try {
    await writeFile(`${path}.part`, text);
    await rename(`${path}.part`, path);
  } catch (cause) {
    throw new FlorenceError(
      "not_found",
      `Cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}. What was written before is whole. Make room, then run the same command again: it goes on from there.`,
      { cause },
    );
  }
}
