// An envelope as people read it. Works by the shape of payloads, not by task:
// a new task of known shapes needs nothing here.

import type { Envelope, EnvelopeResult } from "../shared/schema/analysis.ts";
import type { Paint } from "./paint.ts";
import { cellWidth, clipText, padText } from "./cell-width.ts";
import { onOneLine, wrapText } from "./wrap-text.ts";

export interface FormatOptions {
  readonly paint: Paint;
  /** Characters in a line. */
  readonly width: number;
}

/** Left edge of results, and of what they hold. */
const INDENT = 2;
const NAME_WIDTH = 18;
const BODY = INDENT + NAME_WIDTH;

/**
 * One image's results as lines: its name and size, then for each task the text
 * or a table of what was found.
 */
export function formatAnalysis(
  source: string,
  envelope: Envelope,
  options: FormatOptions,
): string[] {
  const { paint, width } = options;
  const { image } = envelope;
  const size = `${image.width} × ${image.height}`;
  const name = clipText(onOneLine(source), width - size.length - 2);
  return [
    `${paint("bold", name)}  ${paint("dim", size)}`,
    ...envelope.results.flatMap((result) => formatResult(result, options)),
    ...envelope.warnings.flatMap((warning) =>
      indented(wrapText(onOneLine(warning), width - BODY), "note", (line) =>
        paint("yellow", line),
      ),
    ),
    "",
  ];
}

/** A failed image as lines. */
export function formatFailure(
  source: string,
  message: string,
  { paint, width }: FormatOptions,
): string[] {
  return [
    paint("bold", clipText(onOneLine(source), width)),
    ...indented(wrapText(onOneLine(message), width - BODY), "failed", (line) =>
      paint("red", line),
    ),
    "",
  ];
}

function formatResult(
  result: EnvelopeResult,
  { paint, width }: FormatOptions,
): string[] {
  const room = width - BODY;
  if (result.status === "error") {
    const lines = wrapText(onOneLine(result.problem.detail), room);
    return indented(lines, result.task, (line) => paint("red", line));
  }
  const fields: ResultFields = result;
  const rows = rowsOf(fields);
  const title = titleOf(result.task, fields);
  const notes = notesOf(fields).flatMap((note) =>
    wrapText(note, room).map((line) => paint("dim", line)),
  );
  if (rows === null) {
    const text = onOneLine(fields.text ?? "");
    const lines =
      text === "" ? [paint("dim", "nothing")] : wrapText(text, room);
    return indented(
      [...withScore(lines, fields.score, room, paint), ...notes],
      title,
    );
  }
  const body =
    rows.length === 0
      ? [paint("dim", "nothing found")]
      : tableLines(rows, room, paint);
  return indented([...body, ...notes], title);
}

interface Located {
  readonly id?: string;
  readonly status?: string;
  readonly label?: string;
  readonly phrase?: string;
  readonly text?: string;
  readonly score?: number;
  readonly box?: {
    readonly x_min: number;
    readonly y_min: number;
    readonly x_max: number;
    readonly y_max: number;
  };
  readonly quad?: readonly (readonly [number, number])[];
  readonly polygons?: readonly unknown[];
  readonly segments?: readonly Located[];
}

/** Whatever a payload may hold; every task's is a selection. */
interface ResultFields {
  readonly detail?: string;
  readonly layout?: string;
  readonly text?: string;
  readonly score?: number;
  readonly finish_reason?: string;
  readonly objects?: readonly Located[];
  readonly segments?: readonly Located[];
  readonly regions?: readonly Located[];
  readonly lines?: readonly Located[];
  readonly labels?: readonly {
    readonly label: string;
    readonly found: boolean;
    readonly score: number | null;
    readonly reason?: string;
  }[];
  readonly unmatched?: readonly {
    readonly phrase: string;
    readonly reason: string;
  }[];
  readonly dropped?: readonly { readonly reason: string }[];
  readonly raw?: { readonly text: string };
}

interface Row {
  readonly id: string;
  readonly label: string;
  readonly score: string;
  readonly place: readonly string[];
}

/** `caption:detailed` where the variant is not the usual one. */
function titleOf(task: string, { detail, layout }: ResultFields): string {
  const variant = detail ?? layout;
  const isUsual =
    variant === undefined || variant === "short" || variant === "text";
  return isUsual ? task : `${task}:${variant}`;
}

/** Null where a result is text and nothing else. */
function rowsOf(result: ResultFields): Row[] | null {
  const items =
    result.objects ?? result.segments ?? result.lines ?? regionItems(result);
  if (items === undefined) return null;
  return items.map((item) => ({
    id: item.id ?? "",
    label: onOneLine(item.label ?? item.phrase ?? item.text ?? ""),
    score: item.score === undefined ? "" : item.score.toFixed(2),
    place: placeOf(item),
  }));
}

function regionItems({ regions }: ResultFields): Located[] | undefined {
  return regions?.flatMap((region) => {
    const id = region.id ?? "";
    if (region.segments === undefined) return [region];
    if (region.segments.length === 0) return [{ id, label: "nothing found" }];
    return region.segments.map((segment) => ({ ...segment, id }));
  });
}

/** x_min, y_min, x_max, y_max. */
function placeOf({ box, quad }: Located): string[] {
  if (box !== undefined)
    return [box.x_min, box.y_min, box.x_max, box.y_max].map(shortNumber);
  if (quad === undefined) return [];
  const [xs, ys] = [quad.map(([x]) => x), quad.map(([, y]) => y)];
  return [
    Math.min(...xs),
    Math.min(...ys),
    Math.max(...xs),
    Math.max(...ys),
  ].map(shortNumber);
}

/** Pixels without a fraction, fractions of a side with three digits. */
function shortNumber(value: number): string {
  return value > 0 && value < 1 ? value.toFixed(3) : String(Math.round(value));
}

const SCORE_WIDTH = 5;
const HEADS = ["x_min", "y_min", "x_max", "y_max"];

function tableLines(
  rows: readonly Row[],
  room: number,
  paint: Paint,
): string[] {
  const idWidth = Math.max(...rows.map(({ id }) => id.length));
  const hasPlaces = rows.some(({ place }) => place.length > 0);
  const placeWidths = hasPlaces
    ? HEADS.map((head, column) =>
        Math.max(
          head.length,
          ...rows.map(({ place }) => place[column]?.length ?? 0),
        ),
      )
    : [];
  const placeWidth = placeWidths.reduce((sum, width) => sum + width + 2, 0);
  const free = room - idWidth - 2 - 2 - SCORE_WIDTH - placeWidth;
  const longest = Math.max(...rows.map(({ label }) => cellWidth(label)));
  const labelWidth = Math.max(4, Math.min(longest, free));
  const blank: Row = { id: "", label: "", score: "", place: [] };
  const line = ({ id, label, score, place }: Row) =>
    [
      id.padEnd(idWidth),
      padText(label, labelWidth),
      score.padStart(SCORE_WIDTH),
      ...placeWidths.map((width, column) =>
        (place[column] ?? "").padStart(width),
      ),
    ]
      .join("  ")
      .trimEnd();
  const head = { ...blank, score: "score", place: HEADS };
  return [
    ...(hasPlaces ? [paint("dim", line(head))] : []),
    ...rows.flatMap((row) => {
      // A word too long for its line is cut; words are wrapped.
      const [first = "", ...rest] = wrapText(row.label, labelWidth).map(
        (part) => clipText(part, labelWidth),
      );
      return [
        { ...row, label: first },
        ...rest.map((label) => ({ ...blank, label })),
      ].map(line);
    }),
  ];
}

/** Puts a score behind the last line of a text. */
function withScore(
  lines: readonly string[],
  score: number | undefined,
  room: number,
  paint: Paint,
): string[] {
  if (score === undefined) return [...lines];
  const shown = paint("dim", score.toFixed(2));
  const last = lines.at(-1)!;
  return last.length + 6 <= room
    ? [...lines.slice(0, -1), `${last}  ${shown}`]
    : [...lines, shown];
}

function notesOf(result: ResultFields): string[] {
  const missing = (result.labels ?? [])
    .filter(({ found }) => !found)
    .map(({ label, score, reason }) =>
      notFound(label, [
        ...(reason === undefined ? [] : [reason]),
        ...(score === null ? [] : [`score ${score.toFixed(2)}`]),
      ]),
    );
  const unmatched = result.unmatched ?? [];
  const told = new Set(unmatched.map(({ reason }) => reason));
  const dropped = countReasons(
    (result.dropped ?? []).filter(({ reason }) => !told.has(reason)),
  );
  return [
    ...missing,
    ...unmatched.map(({ phrase, reason }) => notFound(phrase, [reason])),
    ...(dropped === "" ? [] : [`left out of the answer: ${dropped}`]),
    ...(result.finish_reason === "length"
      ? ["cut off at the token limit; raise --max-tokens"]
      : []),
    ...(result.raw === undefined ? [] : [`raw: ${onOneLine(result.raw.text)}`]),
  ];
}

function notFound(what: string, reasons: readonly string[]): string {
  const why = reasons
    .filter((reason) => reason !== "not_found")
    .map((reason) => reason.replaceAll("_", " "));
  const shown = why.length === 0 ? "" : ` (${why.join(", ")})`;
  return `not found: ${onOneLine(what)}${shown}`;
}

/** `2 incomplete box, 1 below min score` */
function countReasons(dropped: readonly { readonly reason: string }[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of dropped)
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason.replaceAll("_", " ")}`)
    .join(", ");
}

/** Lines under a name that stands before the first of them. */
function indented(
  lines: readonly string[],
  name: string,
  paintLine: (line: string) => string = (line) => line,
): string[] {
  const [first = "", ...rest] = lines.map(paintLine);
  const margin = " ".repeat(INDENT);
  const head =
    name.length < NAME_WIDTH
      ? [margin + name.padEnd(NAME_WIDTH) + first]
      : [margin + name, " ".repeat(BODY) + first];
  return [...head, ...rest.map((line) => " ".repeat(BODY) + line)];
}
