// What `florence evaluate` prints: figures in a table, then where the rest is.

import type {
  BundleSummary,
  Evaluation,
  EvaluationSummary,
} from "../evaluate/index.ts";
import { padText } from "./cell-width.ts";
import type { CliIo } from "./io.ts";
import { paintFor, type Paint } from "./paint.ts";

/** The whole text, with its last line break. */
export function formatEvaluation(
  { summary, known, files }: Evaluation,
  io: CliIo,
): string {
  const paint = paintFor(io.stdout, io.env);
  const { bundle, compared, data } = summary;
  const earlier = known > 0 ? `, ${known} of them in an earlier run` : "";
  return [
    paint("bold", `${bundle.id} (${bundle.precision}, ${bundle.revision})`),
    `${bundle.photos} of ${data.asked} photos of ${data.name} answered${earlier}`,
    "",
    ...figureLines(bundle, paint),
    ...(compared === undefined ? [] : comparedLines(compared, paint)),
    ...calibrationLines(summary, paint),
    ...bundle.not_measured.map(({ measure, reason }) => paint("dim", `Not measured: ${measure}, as ${reason}.`)), // prettier-ignore
    ...bundle.skipped.map(({ image, code, detail }) => `${paint("yellow", "Left out:")} ${image}: ${code}: ${detail}`), // prettier-ignore
    "",
    ...files,
    "",
  ].join("\n");
}

/**
 * Rows of texts, columns parted by two blanks, the first row a heading.
 *
 * @param isText which columns are words, to the left; numbers are to the right.
 */
export function rowsOf(
  rows: readonly (readonly string[])[],
  paint: Paint,
  isText: (column: number) => boolean = (column) => column < 2,
): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]!.length)),
  );
  return rows.map((row, at) => {
    const cells = row.map((cell, column) =>
      isText(column)
        ? padText(cell, widths[column]!)
        : cell.padStart(widths[column]!),
    );
    const line = cells.join("  ").trimEnd();
    return at === 0 ? paint("dim", line) : line;
  });
}

/** Three digits, `-` where there is no number. */
export function digits(value: number | null): string {
  return value === null ? "-" : value.toFixed(3);
}

function figureLines({ measures }: BundleSummary, paint: Paint): string[] {
  const rows = measures.flatMap(({ title, figures, calibration }) => [
    ...figures.map((figure, at) => [
      at === 0 ? title : "",
      figure.title,
      digits(figure.value),
      figure.low === null || figure.high === null
        ? "-"
        : `${digits(figure.low)} to ${digits(figure.high)}`,
      `${figure.n} ${figure.of}`,
    ]),
    ...(calibration === null
      ? []
      : [
          ["", "expected calibration error", digits(calibration.ece), "", `${calibration.outcomes} answers`], // prettier-ignore
        ]),
  ]);
  return [...rowsOf([["", "", "value", "95 %", "n"], ...rows], paint), ""];
}

function calibrationLines(
  { calibration }: EvaluationSummary,
  paint: Paint,
): string[] {
  if (calibration === undefined) return [];
  const rows = calibration.map(({ task, outcomes, before, after, map }) => [
    task,
    map === null ? "too few answers, not fitted" : "fitted, in the bundle",
    digits(before),
    digits(after),
    `${outcomes} answers`,
  ]);
  return [
    ...rowsOf(
      [["calibration", "", "error before", "after", "n"], ...rows],
      paint,
    ),
    "",
  ];
}

function comparedLines(
  { bundle, photos, measures }: NonNullable<EvaluationSummary["compared"]>,
  paint: Paint,
): string[] {
  const rows = measures.flatMap(({ title, figures }) =>
    figures.map((figure, at) => [
      at === 0 ? title : "",
      figure.title,
      digits(figure.value),
      digits(figure.other),
      digits(figure.difference),
      figure.low === null || figure.high === null
        ? "-"
        : `${digits(figure.low)} to ${digits(figure.high)}`,
    ]),
  );
  return [
    paint("bold", `beside ${bundle.id} (${bundle.precision}, ${bundle.revision}), ${photos} photos that both answered`), // prettier-ignore
    ...rowsOf(
      [["", "", "this", "other", "other less this", "95 %"], ...rows],
      paint,
    ),
    "",
  ];
}
