// The paper's numbers beside what was measured.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { PAPER_ROWS, type PaperRow } from "./paper-rows.ts";

function readonlyArray<Schema extends v.GenericSchema>(item: Schema) {
  return v.pipe(v.array(item), v.readonly());
}

/** The part of `summary.json` that is needed here. */
const Summary = v.object({
  florence_evaluation: v.literal(1),
  data: v.object({ name: v.string() }),
  bundle: v.object({
    id: v.string(),
    precision: v.string(),
    measures: readonlyArray(
      v.object({
        name: v.string(),
        photos: v.number(),
        figures: readonlyArray(
          v.object({
            name: v.string(),
            value: v.nullable(v.number()),
            low: v.nullable(v.number()),
            high: v.nullable(v.number()),
          }),
        ),
      }),
    ),
  }),
});

export type RunSummary = v.InferOutput<typeof Summary>;

/** A number of ours, in the unit of the paper's tables. */
export interface Measured {
  readonly bundle: string;
  readonly data: string;
  readonly photos: number;
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

/** A row of the table. */
export interface PaperTableRow {
  readonly benchmark: string;
  readonly title: string;
  readonly values: PaperRow["values"];
  /** Measured on this benchmark's data, if at all. */
  readonly measured: readonly Measured[];
  /** Of the last row of its kind: the same figure on other data. */
  readonly elsewhere: readonly Measured[];
}

/**
 * Reads what a run wrote.
 *
 * @throws FlorenceError `not_found`, `invalid_request`.
 */
export async function readRun(folder: string): Promise<RunSummary> {
  const path = join(folder, "summary.json");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new FlorenceError(
      "not_found",
      `There is no ${path}. Name a folder that florence evaluate wrote.`,
      { cause },
    );
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FlorenceError("invalid_request", `${path} is no JSON. Run florence evaluate again.`, { cause }); // prettier-ignore
  }
  const parsed = v.safeParse(Summary, value);
  if (parsed.success) return parsed.output;
  throw new FlorenceError(
    "invalid_request",
    `${path} is no summary of this release: ${parsed.issues[0].message} at ${v.getDotPath(parsed.issues[0]) ?? "the top level"}. Run florence evaluate again.`,
  );
}

/**
 * The paper's rows with the runs' figures: in a row if the run's data has its
 * name (`--name coco-detection`), else below the rows of its kind.
 */
export function paperTable(runs: readonly RunSummary[]): PaperTableRow[] {
  return PAPER_ROWS.map((row, at): PaperTableRow => {
    const ofKind = PAPER_ROWS.filter(({ measure }) => measure === row.measure);
    const names = ofKind.map(({ id }) => id);
    const isLast = PAPER_ROWS[at + 1]?.measure !== row.measure;
    return {
      benchmark: row.benchmark,
      title: row.title,
      values: row.values,
      measured: measuredIn(runs, row, (name) => name === row.id),
      elsewhere: isLast
        ? measuredIn(runs, row, (name) => !names.includes(name))
        : [],
    };
  });
}

function measuredIn(
  runs: readonly RunSummary[],
  row: PaperRow,
  isWanted: (name: string) => boolean,
): Measured[] {
  return runs.flatMap(({ data, bundle }) => {
    if (!isWanted(data.name)) return [];
    const measure = bundle.measures.find(({ name }) => name === row.measure);
    const figure = measure?.figures.find(({ name }) => name === row.figure);
    if (measure === undefined || figure?.value == null) return [];
    return [
      {
        bundle: `${bundle.id} ${bundle.precision}`,
        data: data.name,
        photos: measure.photos,
        value: 100 * figure.value,
        low: figure.low === null ? null : 100 * figure.low,
        high: figure.high === null ? null : 100 * figure.high,
      },
    ];
  });
}
