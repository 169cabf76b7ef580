// `florence evaluate`: reads the truth, asks, judges, and writes what came of
// it into a folder.

import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadImageCodecs } from "../../node/image-codecs.ts";
import { FlorenceError } from "../../shared/errors.ts";
import { fitCalibration } from "../calibrate/fit-calibration.ts";
import { writeCalibration } from "../calibrate/write-calibration.ts";
import { readData, type EvaluationData } from "../data/read-data.ts";
import type { AnsweredItem, Measure } from "../measures/measure.ts";
import { MEASURES } from "../measures/table.ts";
import { makeReport } from "../report/write-report.ts";
import type { BootstrapOptions } from "../summary/bootstrap.ts";
import { compareJudged, judgeMeasure, type JudgedMeasure } from "../summary/summarize.ts"; // prettier-ignore
import { summarizeBundle, type EvaluationSummary } from "../summary/summary.ts";
import { askBundle, type AskedBundle } from "./ask-bundle.ts";
import { isAnswered } from "./predictions.ts";

/** What a run is told. */
export interface EvaluateOptions {
  /** Folder of the bundle, and of one it is compared with. */
  readonly bundle: string;
  readonly compare?: string | undefined;
  /** Files and folders of truth. */
  readonly data: readonly string[];
  /** What the data is called in the report. */
  readonly name: string;
  /** Folder of the photos. */
  readonly images: string;
  /** Folder that is written: predictions, summary, report. */
  readonly out: string;
  /** Names of measures; all that the data allows if left out. */
  readonly measures?: readonly string[] | undefined;
  /** Options of the requests, as over HTTP, that differ from the defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly limit?: number | undefined;
  readonly workers: number;
  readonly threads: number;
  readonly bootstrap: BootstrapOptions;
  /** Whether a map from scores to chances is fitted and put into the bundle. */
  readonly calibrate?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, total: number, note: string) => void;
}

/** What was written, and what is in it. */
export interface Evaluation {
  readonly summary: EvaluationSummary;
  /** Photos answered in an earlier run. */
  readonly known: number;
  readonly files: readonly string[];
}

/**
 * Evaluates a bundle. Killed at any time, the same call goes on from there.
 *
 * Writes `predictions.jsonl` (and `compared.jsonl`), `summary.json` and
 * `report.html`; with `calibrate` the bundle's `manifest.json` too.
 *
 * @throws FlorenceError for data, photos' folders, bundles and options that
 *   are not right; `deadline_exceeded` if the signal is aborted.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  const measures = findMeasures(options.measures);
  const data = await readData(options.data);
  const ask = (
    bundle: string,
    file: string,
    isRaw: boolean,
  ): Promise<AskedBundle> =>
    askBundle({
      ...options,
      ...{ bundle, data, measures, isRaw },
      predictions: join(options.out, file),
    });
  const isRaw = options.calibrate === true;
  const asked = await ask(options.bundle, "predictions.jsonl", isRaw);
  refuseUnanswered(asked, options);
  const judged = judge(asked, answeredBy(asked), options.bootstrap);
  const other =
    options.compare === undefined
      ? null
      : await ask(options.compare, "compared.jsonl", false);
  const calibration = isRaw
    ? fitCalibration(judged, data.sha256, options.bootstrap.seed)
    : null;
  const summary = {
    ...summarize(options, data, asked, judged, other),
    ...(calibration !== null && { calibration }),
  };

  const summaryFile = join(options.out, "summary.json");
  const reportFile = join(options.out, "report.html");
  await replaceFile(summaryFile, `${JSON.stringify(summary, null, 2)}\n`);
  const tools = { codecs: await loadImageCodecs(), images: options.images };
  await replaceFile(reportFile, await makeReport(summary, judged, tools));
  if (calibration !== null) {
    const maps = calibration.flatMap(({ task, map }) => map === null ? [] : [[task, map] as const]); // prettier-ignore
    await writeCalibration(options.bundle, Object.fromEntries(maps));
  }
  return { summary, known: asked.known, files: [summaryFile, reportFile] };
}

function summarize(
  options: EvaluateOptions,
  data: EvaluationData,
  asked: AskedBundle,
  judged: readonly JudgedMeasure[],
  other: AskedBundle | null,
): EvaluationSummary {
  const { workers, threads, bootstrap } = options;
  return {
    florence_evaluation: 1,
    data: {
      name: options.name,
      formats: data.formats,
      sha256: data.sha256,
      photos: data.items.length,
      asked: asked.answers.length,
    },
    options: options.options,
    ...{ bootstrap, workers, threads },
    bundle: summarizeBundle(asked, judged),
    ...(other !== null && { compared: compare(asked, other, bootstrap) }),
  };
}

/** Both bundles on the photos that both answered. */
function compare(
  one: AskedBundle,
  other: AskedBundle,
  bootstrap: BootstrapOptions,
): NonNullable<EvaluationSummary["compared"]> {
  const [all, allOther] = [answeredBy(one), answeredBy(other)];
  const ids = new Set(allOther.map(({ item }) => item.id));
  const own = all.filter(({ item }) => ids.has(item.id));
  const ownIds = new Set(own.map(({ item }) => item.id));
  const others = allOther.filter(({ item }) => ownIds.has(item.id));
  const quick = { ...bootstrap, resamples: 0 };
  const judged = judge(one, own, quick);
  const judgedOther = judge(other, others, quick);
  return {
    bundle: summarizeBundle(other, judge(other, allOther, bootstrap)),
    photos: own.length,
    measures: judged.flatMap((first) => {
      const { name, title } = first.measure;
      const second = judgedOther.find(({ measure }) => measure.name === name);
      if (second === undefined) return [];
      const figures = compareJudged(first, second, bootstrap);
      return [{ name, title, photos: first.answered.length, figures }];
    }),
  };
}

function judge(
  { measures }: AskedBundle,
  answered: readonly AnsweredItem[],
  bootstrap: BootstrapOptions,
): JudgedMeasure[] {
  return measures
    .map((measure) => judgeMeasure(measure, answered, bootstrap))
    .filter((one) => one.answered.length > 0);
}

/** The photos that were answered, in the order of the data. */
export function answeredBy({ answers }: AskedBundle): AnsweredItem[] {
  return answers.flatMap(({ item, prediction }) => {
    if (!isAnswered(prediction)) return [];
    const { width, height, results } = prediction;
    return [
      {
        item,
        size: { width, height },
        results: new Map(results.map((result) => [result.id, result])),
      },
    ];
  });
}

function findMeasures(names: readonly string[] | undefined): readonly Measure[] {
  if (names === undefined) return MEASURES;
  const known = MEASURES.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new FlorenceError(
      "invalid_request",
      `There is no measure ${unknown}. There are ${known.join(", ")}.`,
    );
  }
  return MEASURES.filter(({ name }) => names.includes(name));
} // prettier-ignore

/** A folder of photos that is a wrong one is an error, not an empty report. */
function refuseUnanswered(
  { answers }: AskedBundle,
  { images }: EvaluateOptions,
): void {
  const problems = answers.flatMap(({ prediction }) =>
    isAnswered(prediction) ? [] : [prediction.problem],
  );
  const [first] = problems;
  if (first === undefined || problems.length < answers.length) return;
  throw new FlorenceError(
    "not_found",
    `None of the ${answers.length} photos in ${images} could be answered. The first: ${first.detail}`,
  );
}

/** Writes beside it first: a killed run leaves the old file or the new one. */
async function replaceFile(path: string, text: string): Promise<void> {
  try {
    await writeFile(`${path}.part`, text);
    await rename(`${path}.part`, path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FlorenceError(
      "not_found",
      `Cannot write ${path}: ${reason}. Make room, then run the same command again: nothing is asked twice.`,
      { cause },
    );
  }
}
