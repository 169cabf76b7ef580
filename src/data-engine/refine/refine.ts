// The third phase: a model is trained on what is known, looks at the photos
// again, flipped and scaled too, and what it confirms or is sure of becomes what
// is known in the next round.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { throwIfAborted } from "../../shared/errors.ts";
import type { FilterOptions } from "../filter/filter-options.ts";
import { openJournal, type HalfLine } from "../../node/journal.ts";
import {
  parseJsonLine,
  parseLine,
  readRecords,
} from "../records/read-records.ts";
import type { BundleTask } from "../specialists/specialist.ts";
import { runRound, type RoundContext } from "./round.ts";
import { QualitySchema } from "./quality.ts";

/** A line of `rounds.jsonl`: what one round brought. */
export const RoundReportSchema = v.strictObject({
  round: v.number(),
  /** Bundle that was trained. */
  bundle: v.strictObject({ id: v.string(), revision: v.string() }),
  /** Photos it was trained on, and their annotations. */
  trainedOn: v.strictObject({ photos: v.number(), annotations: v.number() }),
  /** What became of the annotations; see `ReconcileCounts`. */
  yield: v.strictObject({
    photos: v.number(),
    agreed: v.number(),
    trusted: v.number(),
    dropped: v.number(),
    added: v.number(),
    unstable: v.number(),
    /** Annotations after the round. */
    kept: v.number(),
  }),
  /** On photos of protected splits, which no round trains on. */
  quality: v.strictObject({
    /** All the model says. */
    said: QualitySchema,
    /** Only what it says in enough views. */
    stable: QualitySchema,
  }),
});

export type RoundReport = v.InferOutput<typeof RoundReportSchema>;

export interface RefineOptions {
  readonly photos: string;
  /** JSONL of `filter`. */
  readonly records: string;
  /** Folder to write, or to go on with. */
  readonly out: string;
  readonly rounds: number;
  /** A shell's command line, see `runTraining`. */
  readonly train: string;
  /** What the trained bundles are asked. */
  readonly tasks: readonly BundleTask[];
  /** Bounds of `sureScore`, `sureStability`, agreement and texts. */
  readonly options: FilterOptions;
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly onHalfLine?: (line: HalfLine) => void;
  readonly onStep?: (round: number, step: string) => void;
  readonly onPhoto?: (done: number, total: number, path: string) => void;
  /** Told after each round, those of earlier runs too. */
  readonly onRound?: (report: RoundReport) => void;
}

/**
 * Runs the rounds that are not done yet. May be killed and run again: rounds,
 * trainings and photos that are done stay done.
 *
 * Leaves in `out`: `rounds.jsonl`, and for each round a folder `round-N` with
 * `train.jsonl`, `bundle`, `train.log`, `annotations.jsonl` and `records.jsonl`.
 *
 * @returns the reports of all rounds.
 * @throws FlorenceError what training, annotating and writing throw;
 *   `deadline_exceeded` if `signal` was aborted.
 */
export async function refine(options: RefineOptions): Promise<RoundReport[]> {
  await mkdir(options.out, { recursive: true });
  const path = join(options.out, "rounds.jsonl");
  const journal = await openJournal(path);
  try {
    if (journal.halfLine !== null) options.onHalfLine?.(journal.halfLine);
    const reports = journal.lines.map((line, index) =>
      parseLine(
        RoundReportSchema,
        parseJsonLine(line, path, index + 1),
        path,
        index + 1,
      ),
    );
    for (const report of reports) options.onRound?.(report);
    for (let round = reports.length + 1; round <= options.rounds; round += 1) {
      throwIfAborted(options.signal);
      const report = await runRound(await contextOf(round, options));
      await journal.append(report);
      reports.push(report);
      options.onRound?.(report);
    }
    return reports;
  } finally {
    await journal.close();
  }
}

async function contextOf(
  round: number,
  options: RefineOptions,
): Promise<RoundContext> {
  const folderOf = (number: number): string =>
    join(options.out, `round-${number}`);
  const before =
    round === 1 ? options.records : join(folderOf(round - 1), "records.jsonl");
  return {
    ...options,
    round,
    folder: folderOf(round),
    known: await readRecords(before),
    previousBundle: round === 1 ? null : join(folderOf(round - 1), "bundle"),
  };
}
