// What is in a bundle, as people read it.

import type { BundleDescription } from "../convert/index.ts";
import { cellWidth, padText } from "./cell-width.ts";
import type { FormatOptions } from "./format-analysis.ts";
import { onOneLine, wrapText } from "./wrap-text.ts";

const NAME_WIDTH = 12;

/** Facts about a model, then its parts with their parameters, work and size. */
export function formatBundle(
  folder: string,
  bundle: BundleDescription,
  { paint, width }: FormatOptions,
): string[] {
  const { text } = bundle;
  const facts: [string, string][] = [
    ["source", bundle.source],
    ["license", bundle.license],
    ["weights", `${bundle.precision}, layout ${bundle.layout}`],
    // Enough to tell two apart; --json has all of it.
    ["revision", `${bundle.revision.slice(0, 19)}…`],
    ["vision", visionLine(bundle)],
    [
      "text",
      `${text.encoder_layers} + ${text.decoder_layers} layers of ${text.d_model}, ${text.heads} heads, ${grouped(text.vocabulary)} tokens, ${grouped(text.positions)} positions`,
    ],
    ["tasks", bundle.tasks.join(", ")],
    ...numberFacts("thresholds", bundle.thresholds),
    ...numberFacts("least scores", bundle.minScores),
  ];
  return [
    `${paint("bold", onOneLine(bundle.id))}  ${paint("dim", onOneLine(folder))}`,
    ...facts.flatMap(([name, value]) =>
      wrapText(onOneLine(value), width - NAME_WIDTH - 2).map(
        (line, index) =>
          `  ${(index === 0 ? name : "").padEnd(NAME_WIDTH)}${line}`,
      ),
    ),
    "",
    ...partLines(bundle).map((line, index) =>
      index === 0 ? paint("dim", line) : line,
    ),
    "",
    paint(
      "dim",
      "  MACs: for an image and a prompt; decoder and head: for a token",
    ),
    paint("dim", filesLine(bundle)),
  ];
}

function visionLine({ vision, inputSizes }: BundleDescription): string {
  if (vision.length === 1) {
    const [side, ...others] = inputSizes;
    const also = others.length === 0 ? "" : `; also ${others.join(", ")}`;
    return `${vision.join()} at ${side ?? 0} pixels${also}`;
  }
  return vision
    .map((name, index) => `${name} at ${inputSizes[index] ?? 0} pixels`)
    .join(", ");
}

function numberFacts(
  name: string,
  byTask: Readonly<Record<string, number>>,
): [string, string][] {
  const shown = Object.entries(byTask).map(
    ([task, number]) => `${task} ${number}`,
  );
  return shown.length === 0 ? [] : [[name, shown.join(", ")]];
}

function partLines(bundle: BundleDescription): string[] {
  const { parts, parameters, weightBytes, macsPerImage } = bundle;
  const total = {
    name: "total",
    parameters,
    bytes: weightBytes,
    macs: macsPerImage + bundle.macsPerToken,
    stored: undefined,
  };
  const isStored = parts.some(({ stored }) => stored !== undefined);
  const rows = [
    ["part", "parameters", "MACs", "bytes", ...(isStored ? ["stored"] : [])],
    ...[...parts, total].map(({ name, parameters, macs, bytes, stored }) => [
      onOneLine(name),
      grouped(parameters),
      scaled(macs),
      `${(bytes / 1e6).toFixed(1)} MB`,
      ...(isStored ? [stored ?? ""] : []),
    ]),
  ];
  const widths = rows[0]!.map((_, column) =>
    Math.max(...rows.map((row) => cellWidth(row[column]!))),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0
          ? `  ${padText(cell, widths[column]!)}`
          : cell.padStart(widths[column]!),
      )
      .join("  ")
      .trimEnd(),
  );
}

function filesLine({ files, bytes }: BundleDescription): string {
  return `  ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB; all are there and have the right hashes`;
}

/** 1,234,567 */
function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

/** Multiply-accumulates: 860 M, 12.3 G. */
function scaled(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} G`;
  return value === 0 ? "-" : `${(value / 1e6).toFixed(1)} M`;
}
