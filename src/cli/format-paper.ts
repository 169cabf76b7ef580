// The paper's tables as `florence evaluate --paper` prints them.

import {
  PAPER_MODELS,
  PAPER_NOTES,
  paperTable,
  type Measured,
  type RunSummary,
} from "../evaluate/index.ts";
import { rowsOf } from "./format-evaluation.ts";
import type { CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";
import { wrapText } from "./wrap-text.ts";

/** The whole text, with its last line break. */
export function formatPaper(runs: readonly RunSummary[], io: CliIo): string {
  const paint = paintFor(io.stdout, io.env);
  const head = ["benchmark", "figure", ...PAPER_MODELS, "measured"];
  const rows = paperTable(runs).flatMap((row) => [
    [
      row.benchmark,
      row.title,
      ...row.values.map((value) => (value === null ? "-" : value.toFixed(1))),
      row.measured.map(told).join("; "),
    ],
    ...row.elsewhere.map((one) => [
      `  ${one.data}`,
      row.title,
      ...PAPER_MODELS.map(() => ""),
      told(one),
    ]),
  ]);
  const width = Math.min(io.stdout.columns, 100);
  return [
    ...rowsOf(
      [head, ...rows],
      paint,
      (column) => column < 2 || column === head.length - 1,
    ),
    "",
    ...PAPER_NOTES.flatMap((note) => wrapText(note, width)),
    "",
  ].join("\n");
}

/** `19.2 (14.7 to 24.2), 70 photos, florence-box int8`. */
function told({ value, low, high, photos, bundle }: Measured): string {
  const interval =
    low === null || high === null
      ? ""
      : ` (${low.toFixed(1)} to ${high.toFixed(1)})`;
  return `${value.toFixed(1)}${interval}, ${photos} photos, ${bundle}`;
}
