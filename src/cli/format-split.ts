// Isolates and what they take, as people read it.

import {
  fits,
  type IsolatePlan,
  type Split,
} from "../shared/model/edge/split.ts";
import type { WorkRates } from "../shared/model/edge/work-time.ts";
import type { Paint } from "./paint.ts";

const COLUMNS = ["weights", "work", "cache", "code", "image"] as const;
const NAME_WIDTH = 12;
const NUMBER_WIDTH = 9;

export interface SplitFormat {
  readonly budgetBytes: number;
  readonly inputSizes: readonly number[];
  readonly prompts: number;
  readonly tokens: number;
  readonly rates: WorkRates;
  readonly variant: string;
  readonly paint: Paint;
}

/** A table for each way, and what the times rest on. */
export function formatSplit(split: Split, format: SplitFormat): string[] {
  const { budgetBytes, inputSizes, paint, rates, variant } = format;
  const { vision, encoder, decoder } = split.times;
  const gmac = (perMs: number): string => (perMs / 1e6).toFixed(1);
  const verdict = fits(split.phased, budgetBytes)
    ? "fits"
    : "does not fit: store its weights in fewer bits, or take a smaller input size";
  return [
    paint(
      "bold",
      `at most ${megabytes(budgetBytes)} MB an isolate, pictures at ${inputSizes.join(", ")} pixels, ${format.prompts} prompts at once`,
    ),
    "",
    paint("bold", `resident: ${split.resident.length} Workers`),
    header(),
    ...split.resident.flatMap(rowsOf),
    "",
    paint("bold", `phased: one Worker, ${verdict}`),
    header(),
    row(split.phased),
    "",
    `CPU of a picture at ${inputSizes[0]!} pixels: vision ${milliseconds(vision)}, encoder ${milliseconds(encoder)}, ${format.tokens} tokens ${milliseconds(decoder)}`,
    paint(
      "dim",
      `at ${gmac(rates.manyRows)} GMAC/s for many rows and ${gmac(rates.oneRow)} for one, measured here just now (${variant} kernels), times ${rates.whole} for all that is no product`,
    ),
  ];
}

function header(): string {
  return line("MB", [...COLUMNS, "total", "CPU-ms"]);
}

function rowsOf(isolate: IsolatePlan): string[] {
  const { segments } = isolate;
  const [first, last] = [segments[0], segments.at(-1)];
  if (first === undefined || last === undefined) return [row(isolate)];
  return [row(isolate), `${" ".repeat(NAME_WIDTH)}  ${first} to ${last}`];
}

function row({ name, bytes, totalBytes, cpuMs }: IsolatePlan): string {
  return line(name, [
    ...COLUMNS.map((column) => megabytes(bytes[column])),
    megabytes(totalBytes),
    String(Math.round(cpuMs)),
  ]);
}

function line(name: string, cells: readonly string[]): string {
  return `  ${name.padEnd(NAME_WIDTH)}${cells.map((cell) => cell.padStart(NUMBER_WIDTH)).join("")}`;
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function milliseconds(ms: number): string {
  return `${Math.round(ms).toLocaleString("en-US")} ms`;
}
