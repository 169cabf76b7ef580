// The report: everything of a summary that a person wants to see, in one file.

import { escapeXml } from "../../shared/render/escape-xml.ts";
import { LEAST_OUTCOMES } from "../calibrate/fit-calibration.ts";
import { LATENCY_PARTS } from "../summary/latency.ts";
import { casesByQuality,
  type CategorySummary, type FigureComparison, type JudgedMeasure, type MeasureSummary } from "../summary/summarize.ts"; // prettier-ignore
import type { BundleSummary, EvaluationSummary } from "../summary/summary.ts";
import { drawCase, type DrawTools } from "./draw-case.ts";
import { number, page, range, table, type Cell } from "./page.ts";
import { reliabilityPlot } from "./reliability-plot.ts";

/** Best and worst photos of each measure that are shown. */
const CASES = 6;

/**
 * Makes the page.
 *
 * @param judged of the first bundle: its photos are shown.
 */
export async function makeReport(
  summary: EvaluationSummary,
  judged: readonly JudgedMeasure[],
  tools: DrawTools,
): Promise<string> {
  const { bundle, compared } = summary;
  const sections: string[] = [];
  for (const one of judged) {
    sections.push(...(await measureSection(one, tools)));
  }
  const title = `Evaluation of ${bundle.id}`;
  return page(title, [
    `<h1>${escapeXml(title)}</h1>`,
    ...headLines(summary),
    ...overview(bundle),
    ...(compared === undefined ? [] : comparison(summary, compared)),
    ...calibrationSection(summary),
    ...sections,
    ...latencySection(bundle, summary),
    ...skippedSection(bundle),
  ]);
}

function headLines(summary: EvaluationSummary): string[] {
  const { bundle, compared, data, options, bootstrap } = summary;
  const rows: (readonly [string, Cell])[] = [
    ["bundle", bundleCell(bundle)],
    ...(compared === undefined
      ? []
      : [["compared with", bundleCell(compared.bundle)] as const]),
    [
      "data",
      {
        html: `${escapeXml(data.name)} (${escapeXml(data.formats.join(", "))}), ${data.asked} of ${data.photos} photos, <code>sha256 ${data.sha256}</code>`,
      },
    ],
    ["options", { html: `<code>${escapeXml(JSON.stringify(options))}</code>` }],
    [
      "intervals",
      `95 %, ${bootstrap.resamples} resamplings of the photos, seed ${bootstrap.seed}`,
    ],
  ];
  return [table([], rows, 2)];
}

function bundleCell({ id, precision, revision, sha256 }: BundleSummary): Cell {
  return {
    html: `${escapeXml(id)}, ${precision}, <code>${escapeXml(revision)}</code>, <code>manifest ${sha256}</code>`,
  };
}

/** The first figures of each measure in one table. */
function overview({ measures, not_measured }: BundleSummary): string[] {
  return [
    "<h2>At a glance</h2>",
    table(
      ["measure", "figure", "value", "95 %", "n"],
      measures.flatMap(({ title, figures }) =>
        figures
          .slice(0, 2)
          .map((figure, at) => [
            at === 0 ? title : "",
            figure.title,
            number(figure.value),
            range(figure.low, figure.high),
            `${figure.n} ${figure.of}`,
          ]),
      ),
      2,
    ),
    ...not_measured.map(
      ({ measure, reason }) =>
        `<p class="dim">Not measured: ${escapeXml(measure)}, as ${escapeXml(reason)}.</p>`,
    ),
  ];
}

function comparison(
  { bundle }: EvaluationSummary,
  compared: NonNullable<EvaluationSummary["compared"]>,
): string[] {
  const { bundle: other, measures, photos } = compared;
  return [
    `<h2>Side by side</h2>`,
    `<p>A is ${shortName(bundle)}, B is ${shortName(other)}; ${photos} photos that both answered, drawn together.</p>`,
    table(
      ["measure", "figure", "A", "B", "B less A", "95 % of the difference"],
      measures.flatMap(({ title, figures }) =>
        figures.map((figure, at): Cell[] => [
          at === 0 ? title : "",
          figure.title,
          number(figure.value),
          number(figure.other),
          differenceCell(figure),
          range(figure.low, figure.high),
        ]),
      ),
      2,
    ),
  ];
}

/** Two bundles may have one id: the beginning of the revision tells them apart. */
function shortName({ id, precision, revision }: BundleSummary): string {
  const [, digest = revision] = revision.split(":");
  return escapeXml(`${id} (${precision}, ${digest.slice(0, 8)})`);
}

/** Colored where the interval leaves no doubt which is better. */
function differenceCell({ difference, low, high, better }: FigureComparison): Cell {
  const text = `${difference !== null && difference > 0 ? "+" : ""}${number(difference)}`;
  if (low === null || high === null || (low <= 0 && high >= 0)) return text;
  const isBetter = low > 0 === (better === "higher");
  return { html: `<span class="${isBetter ? "better" : "worse"}">${text}</span>` };
} // prettier-ignore

function calibrationSection({ calibration, bundle }: EvaluationSummary): string[] {
  if (calibration === undefined) return [];
  return [
    "<h2>Calibration</h2>",
    `<p>Fitted on these photos and put into the bundle ${escapeXml(bundle.id)}. The error after is of photos left out of the fit, a fifth at a time.</p>`,
    table(
      ["task", "answers", "error before", "error after"],
      calibration.map(({ task, outcomes, before, after, map }) => [
        task,
        String(outcomes),
        number(before),
        map === null ? `not fitted: fewer than ${LEAST_OUTCOMES} answers` : number(after),
      ]),
    ),
  ];
} // prettier-ignore

async function measureSection(
  judged: JudgedMeasure,
  tools: DrawTools,
): Promise<string[]> {
  const { summary } = judged;
  const cases = casesByQuality(judged);
  const worst = cases.slice(0, CASES);
  const best = cases.slice(worst.length).toReversed().slice(0, CASES);
  const draw = async (
    title: string,
    chosen: typeof cases,
  ): Promise<string[]> => {
    if (chosen.length === 0) return [];
    const figures: string[] = [];
    for (const one of chosen) figures.push(await drawCase(one, tools));
    return [`<h3>${title}</h3>`, `<div class="cases">${figures.join("\n")}</div>`]; // prettier-ignore
  };
  return [
    `<h2>${escapeXml(summary.title)}</h2>`,
    `<p class="dim">task <code>${escapeXml(summary.task)}</code>, ${summary.photos} photos</p>`,
    table(
      ["figure", "value", "95 %", "n"],
      summary.figures.map((figure) => [
        figure.title + (figure.better === "lower" ? " (lower is better)" : ""),
        number(figure.value),
        range(figure.low, figure.high),
        `${figure.n} ${figure.of}`,
      ]),
    ),
    ...categoryTable(summary),
    ...summary.notes.map((note) => `<p class="dim">${escapeXml(note)}</p>`),
    ...calibrationPart(summary),
    ...(await draw("Worst photos", worst)),
    ...(await draw("Best photos", best)),
  ];
}

function categoryTable({ categories }: MeasureSummary): string[] {
  if (categories.length === 0) return [];
  const objectsOf = ({ figures: [first] }: CategorySummary) => first?.n ?? 0;
  const rows = categories.toSorted((a, b) => objectsOf(b) - objectsOf(a));
  const figures = rows[0]?.figures ?? [];
  return [
    `<details><summary>${rows.length} categories</summary>`,
    table(
      [
        "category",
        "objects",
        ...figures.flatMap(({ title }) => [title, "95 %"]),
      ],
      rows.map((row) => [
        row.category,
        String(objectsOf(row)),
        ...row.figures.flatMap(({ value, low, high }) => [
          number(value),
          range(low, high),
        ]),
      ]),
    ),
    "</details>",
  ];
}

function calibrationPart({ calibration }: MeasureSummary): string[] {
  if (calibration === null) return [];
  const { ece, outcomes, bins } = calibration;
  return [
    "<h3>Scores as chances</h3>",
    `<p>Expected calibration error ${number(ece)} over ${outcomes} answers.</p>`,
    reliabilityPlot(bins, ece),
  ];
}

function latencySection(
  { latency_ms: latency }: BundleSummary,
  { workers, threads }: EvaluationSummary,
): string[] {
  if (latency === null) return [];
  return [
    "<h2>Time per photo</h2>",
    `<p class="dim">All questions about a photo, in milliseconds, with ${workers} photos at a time and ${threads} threads each; times of earlier runs included.</p>`,
    table(
      ["part", "median", "90 %", "99 %", "longest"],
      LATENCY_PARTS.map((part) => {
        const { p50, p90, p99, max } = latency[part];
        return [part, ...[p50, p90, p99, max].map((ms) => ms.toFixed(1))];
      }),
    ),
  ];
}

function skippedSection({ skipped }: BundleSummary): string[] {
  if (skipped.length === 0) return [];
  return [
    "<h2>Photos left out</h2>",
    table(
      ["photo", "why", ""],
      skipped.map(({ image, code, detail }) => [image, code, detail]),
      3,
    ),
  ];
}
