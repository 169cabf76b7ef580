// What the actions of `florence data-engine` do.

import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import {
  annotate,
  compose,
  dataEngineSchema,
  filter,
  parseFilterOptions,
  parseBundleTasks,
  parseSpecialist,
  refine,
  renderText,
  SCHEMA_NAMES,
  summarize,
  summaryLines,
  writeContactSheet,
  type FilterOptions,
  type HalfLine,
  type RoundReport,
  type SpecialistSpec,
} from "../data-engine/index.ts";
import { FlorenceError } from "../shared/errors.ts";
import type { DataEngineAction, DataEngineFlags } from "./data-engine-flags.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { pickValue } from "./pick-value.ts";
import { createProgress } from "./progress.ts";
import { usageError } from "./usage-error.ts";
import { onOneLine } from "./wrap-text.ts";

type Action = (
  argument: string,
  flags: DataEngineFlags,
  io: CliIo,
) => Promise<number>;

/** Does an action; each throws what its phase throws. */
export const ACTIONS: Readonly<Record<DataEngineAction, Action>> = {
  annotate: runAnnotate,
  filter: runFilter,
  sheet: runSheet,
  refine: runRefine,
  compose: runCompose,
  "render-text": runRenderText,
  schema: runSchema,
};

/** Specialists that need nothing but what comes with the package. */
const USUAL_SPECIALISTS = ["tags", "florence", "linker"];

async function runAnnotate(
  photos: string,
  flags: DataEngineFlags,
  io: CliIo,
): Promise<number> {
  const named = flags.specialist ?? USUAL_SPECIALISTS;
  const specialists: SpecialistSpec[] = named.map((spelling) =>
    parseSpecialist(spelling, flags.task),
  );
  if (flags.labels !== undefined)
    specialists.unshift({ kind: "human", labels: flags.labels });
  const out = wanted(flags, "out");
  const report = await withProgress(io, (told) =>
    annotate({
      photos,
      out,
      specialists,
      workers: workersOf(flags),
      retry: flags.retry ?? false,
      ...told,
    }),
  );
  for (const { path, detail } of report.failed)
    io.stderr.write(`florence: ${onOneLine(`${path}: ${detail}`)}\n`);
  const before = report.photos - report.done;
  const failed = report.failed.length;
  io.stdout.write(
    `${report.photos} photos, ${report.done} looked at${before > 0 ? `, ${before} done before or left` : ""}, ${report.unreadable} unreadable; ${report.annotations} annotations in ${out}\n`,
  );
  return endOf(io, failed > 0);
}

async function runFilter(
  records: string,
  flags: DataEngineFlags,
  io: CliIo,
): Promise<number> {
  const options = await optionsOf(flags);
  const out = wanted(flags, "out");
  const kept = await withProgress(io, (told) =>
    filter({ records, out, options, ...told }),
  );
  io.stdout.write(`${summaryLines(summarize(kept)).join("\n")}\n`);
  return endOf(io, false);
}

async function runSheet(
  records: string,
  flags: DataEngineFlags,
  io: CliIo,
): Promise<number> {
  const out = wanted(flags, "out");
  const photos = wanted(flags, "photos");
  const limit = numberOf(flags, "limit", 500, 1);
  const shown = await withProgress(io, (told) =>
    writeContactSheet({ photos, records, out, limit, ...told }),
  );
  io.stdout.write(`${shown} photos on ${out}\n`);
  return endOf(io, false);
}

async function runRefine(
  records: string,
  flags: DataEngineFlags,
  io: CliIo,
): Promise<number> {
  const options = await optionsOf(flags);
  const out = wanted(flags, "out");
  const reports = await withProgress(io, (told) =>
    refine({
      records,
      out,
      options,
      photos: wanted(flags, "photos"),
      train: wanted(flags, "train"),
      rounds: numberOf(flags, "rounds", 2, 1),
      tasks: parseBundleTasks(flags.task),
      workers: workersOf(flags),
      onStep: (round, step) => {
        io.stderr.write(`Round ${round}: ${step}\n`);
      },
      onRound: (report) => {
        io.stdout.write(`${roundLine(report)}\n`);
      },
      ...told,
    }),
  );
  io.stdout.write(
    `What is known now is in ${out}/round-${reports.length}/records.jsonl\n`,
  );
  return endOf(io, false);
}

async function runCompose(
  records: string,
  flags: DataEngineFlags,
  io: CliIo,
): Promise<number> {
  const out = wanted(flags, "out");
  const made = await withProgress(io, (told) =>
    compose({
      records,
      photos: wanted(flags, "photos"),
      backgrounds: wanted(flags, "backgrounds"),
      ...makingOf(flags),
      ...told,
    }),
  );
  io.stdout.write(`${made} composites made in ${out}\n`);
  return endOf(io, false);
}

async function runRenderText(
  texts: string,
  flags: DataEngineFlags,
  io: CliIo,
): Promise<number> {
  const out = wanted(flags, "out");
  const fonts = flags.font ?? [];
  const made = await withProgress(io, (told) =>
    renderText({ texts, fonts, ...makingOf(flags), ...told }),
  );
  io.stdout.write(`${made} pages made in ${out}\n`);
  return endOf(io, false);
}

function runSchema(
  name: string,
  _: DataEngineFlags,
  io: CliIo,
): Promise<number> {
  const schema = dataEngineSchema(pickValue("schema", name, SCHEMA_NAMES)!);
  io.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
  return Promise.resolve(exitCode("ok"));
}

/** What long phases are told of and tell. */
interface Told {
  readonly signal: AbortSignal;
  readonly onHalfLine: (line: HalfLine) => void;
  readonly onPhoto: (done: number, total: number, path: string) => void;
}

async function withProgress<Result>(
  io: CliIo,
  run: (told: Told) => Promise<Result>,
): Promise<Result> {
  const progress = createProgress(io.stderr, "images");
  try {
    return await run({
      signal: io.signal,
      onHalfLine: ({ number, bytes }) => {
        io.stderr.write(
          `florence: line ${number} was half-written (${bytes} bytes) when an earlier run ended; it is cut off and done again.\n`,
        );
      },
      onPhoto: (done, total, path) => {
        progress.update(done, total, path);
      },
    });
  } finally {
    progress.stop();
  }
}

function endOf(io: CliIo, hasFailures: boolean): number {
  if (io.signal.aborted) {
    io.stderr.write(
      "florence: interrupted; the same command goes on from here.\n",
    );
    return exitCode("interrupted");
  }
  return exitCode(hasFailures ? "some" : "ok");
}

async function optionsOf({ options }: DataEngineFlags): Promise<FilterOptions> {
  if (options === undefined) return parseFilterOptions({});
  const text = await readFile(options, "utf8").catch((cause: unknown) => {
    throw new FlorenceError("not_found", `There is no file ${options}.`, {
      cause,
    });
  });
  try {
    return parseFilterOptions(JSON.parse(text));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new FlorenceError("invalid_json", `${options} is no JSON.`, {
      cause,
    });
  }
}

function makingOf(flags: DataEngineFlags) {
  return {
    out: wanted(flags, "out"),
    count: numberOf(flags, "count", 100, 1),
    seed: numberOf(flags, "seed", 0, 0),
    workers: workersOf(flags),
  };
}

function wanted(
  flags: DataEngineFlags,
  name: "out" | "photos" | "train" | "backgrounds",
): string {
  const value = flags[name];
  if (value !== undefined) return value;
  throw usageError(`--${name} is missing.`, "data-engine");
}

function workersOf(flags: DataEngineFlags): number {
  return numberOf(flags, "workers", availableParallelism(), 1);
}

function numberOf(
  flags: DataEngineFlags,
  name: "workers" | "count" | "seed" | "limit" | "rounds",
  usual: number,
  least: number,
): number {
  const given = flags[name];
  if (given === undefined) return usual;
  const number = /^\d{1,9}$/u.test(given) ? Number(given) : -1;
  if (number >= least) return number;
  throw usageError(
    `--${name} wants a whole number, at least ${least}; "${given}" is none.`,
    "data-engine",
  );
}

function roundLine(report: RoundReport): string {
  const { round, quality } = report;
  const gained = report.yield;
  const share = (value: number | null): string =>
    value === null ? "none" : value.toFixed(3);
  const { photos, drawn, precision, recall } = quality.stable;
  return [
    `Round ${round}: ${gained.kept} annotations of ${gained.photos} photos`,
    `${gained.agreed} agreed, ${gained.trusted} trusted, ${gained.added} added, ${gained.dropped} dropped, ${gained.unstable} unstable`,
    `stable boxes on ${photos} held-out photos (${drawn} boxes): precision ${share(precision)}, recall ${share(recall)}`,
  ].join("; ");
}
