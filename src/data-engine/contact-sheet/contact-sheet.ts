// A page of all photos with what was kept and what was taken out, for a person
// to look at: one HTML file that needs nothing else.

import { writeFile } from "node:fs/promises";
import { loadImageCodecs } from "../../node/image-codecs.ts";
import { FlorenceError } from "../../shared/errors.ts";
import { resizeBicubic } from "../../shared/image/resize-bicubic.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import { escapeXml } from "../../shared/render/escape-xml.ts";
import { readPhoto } from "../annotate/read-photo.ts";
import {
  kindOf,
  reasonsText,
  summarize,
  type Summary,
} from "../filter/summary.ts";
import { encodeWebp } from "../picture/encode-webp.ts";
import { readRecords } from "../records/read-records.ts";
import {
  isSeen,
  type Annotation,
  type PhotoRecord,
  type Reason,
  type Removed,
  type SeenPhoto,
  type Triplet,
} from "../records/record.ts";
import { SHEET_STYLE } from "./sheet-style.ts";
import { drawKept, drawRemoved } from "./draw-record.ts";

/** Longer side of a picture in the sheet: 200 photos make a page of about 6 MB. */
const SIDE = 480;
const QUALITY = 70;

export interface SheetOptions {
  /** Folder of the photos. */
  readonly photos: string;
  /** JSONL of `filter` or `refine`. */
  readonly records: string;
  /** HTML file to write. */
  readonly out: string;
  /** Most photos to show. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly onPhoto?: (done: number, total: number, path: string) => void;
}

/**
 * Writes the contact sheet.
 *
 * @returns photos that are on it.
 * @throws FlorenceError `not_found` or what `readRecords` throws.
 */
export async function writeContactSheet(
  options: SheetOptions,
): Promise<number> {
  const { photos, out, limit, signal, onPhoto } = options;
  const records = await readRecords(options.records);
  const codecs = await loadImageCodecs();
  const shown = records.slice(0, limit);
  const cards: string[] = [];
  for (const record of shown) {
    if (signal.aborted) break;
    if (isSeen(record)) {
      const { image } = await readPhoto(photos, record.photo.path, codecs);
      const thumbnail = await encodeWebp(shrink(image), QUALITY);
      cards.push(cardOf(record, thumbnail));
    } else cards.push(cardOfUnreadable(record));
    onPhoto?.(cards.length, shown.length, record.photo.path);
  }
  const page = pageOf(summarize(records), cards, records.length);
  await writeFile(out, page).catch((cause: unknown) => {
    throw new FlorenceError("not_found", `Cannot write ${out}.`, { cause });
  });
  return cards.length;
}

function shrink(image: RgbImage): RgbImage {
  const ratio = Math.min(1, SIDE / Math.max(image.width, image.height));
  const side = (length: number): number =>
    Math.max(1, Math.round(length * ratio));
  return resizeBicubic(image, side(image.width), side(image.height));
}

function pageOf(
  summary: Summary,
  cards: readonly string[],
  total: number,
): string {
  const shown =
    cards.length < total ? `, the first ${cards.length} of which are here` : "";
  return [
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width">',
    `<title>Contact sheet, ${total} photos</title>`,
    `<style>${SHEET_STYLE}</style></head><body>`,
    `<h1>${total} photos${shown}</h1>`,
    "<p>Drawn in color: what was kept. Below each photo: what was taken out, and why; opened, the list shows it in the photo, dashed and numbered.</p>",
    summaryTable(summary),
    '<label class="switch"><input type="checkbox" id="show"> show what was taken out of all photos</label>',
    `<main>${cards.join("\n")}</main></body></html>`,
    "",
  ].join("\n");
}

function summaryTable({ kept, photos, dropped, rows }: Summary): string {
  const away = [...dropped].map(([reason, count]) => `${reason} ${count}`);
  const cells = (values: readonly (string | number)[], tag: string): string =>
    `<tr>${values.map((value) => `<${tag}>${escapeXml(String(value))}</${tag}>`).join("")}</tr>`;
  const lines = rows.map((row) =>
    cells(
      [row.kind, row.source, row.said, row.kept, reasonsText(row.reasons)],
      "td",
    ),
  );
  return [
    `<p>${kept} of ${photos} photos kept${away.length === 0 ? "" : `; dropped: ${away.join(", ")}`}.</p>`,
    `<table>${cells(["kind", "source", "said", "kept", "taken out because"], "th")}`,
    ...lines,
    "</table>",
  ].join("");
}

function cardOf(record: SeenPhoto, thumbnail: Uint8Array): string {
  const { photo, split, annotations, removed = [], dropped } = record;
  const tags = annotations.filter(({ kind }) => kind === "tag");
  return [
    `<article class="${dropped === undefined ? "kept" : "dropped"}">`,
    `<div class="photo">${drawKept(record, thumbnail)}${drawRemoved(record)}</div>`,
    `<h2>${escapeXml(photo.path)} <small>${photo.width} x ${photo.height}${split === undefined ? "" : `, ${escapeXml(split)}`}</small></h2>`,
    dropped === undefined
      ? ""
      : `<p class="why">${dropped.reason}: ${escapeXml(dropped.detail)}</p>`,
    list(textLines(annotations)),
    tags.length === 0
      ? ""
      : `<p class="tags">${tags.map((tag) => escapeXml(withScore(tag))).join(" · ")}</p>`,
    removed.length === 0
      ? ""
      : `<details><summary>${removed.length} taken out: ${reasonsOf(removed)}</summary><ol>${removed.map((one) => `<li>${removedLine(one)}</li>`).join("")}</ol></details>`,
    "</article>",
  ].join("");
}

function reasonsOf(removed: readonly Removed[]): string {
  const counts = new Map<Reason, number>();
  for (const { reason } of removed)
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return reasonsText(counts);
}

function cardOfUnreadable({ photo, problem }: PhotoRecord): string {
  return `<article class="dropped"><h2>${escapeXml(photo.path)} <small>${photo.bytes} bytes</small></h2><p class="why">undecodable: ${escapeXml(problem?.detail ?? "")}</p></article>`;
}

/** Each text once, with the phrases that have regions marked. */
function textLines(annotations: readonly Annotation[]): string[] {
  const texts = annotations.filter(({ kind }) => kind === "text");
  return texts.map((annotation) => {
    const phrases = annotations
      .filter(
        (one): one is Triplet =>
          one.kind === "triplet" && one.text === annotation.text,
      )
      .sort((a, b) => a.span[0] - b.span[0]);
    const places = phrases.length === 0 ? "" : `, ${phrases.length} phrases`;
    const words = markPhrases(annotation.text, phrases);
    return `${words} <small>${escapeXml(said(annotation) + places)}</small>`;
  });
}

function markPhrases(text: string, triplets: readonly Triplet[]): string {
  let marked = "";
  let at = 0;
  for (const { span, source, regions } of triplets) {
    if (span[0] < at) continue;
    const title = `${regions.length} by ${source.id}`;
    marked += escapeXml(text.slice(at, span[0]));
    marked += `<mark title="${escapeXml(title)}">${escapeXml(text.slice(...span))}</mark>`;
    at = span[1];
  }
  return marked + escapeXml(text.slice(at));
}

function removedLine({ annotation, reason, detail }: Removed): string {
  const words =
    annotation.kind === "triplet" ? annotation.phrase : annotation.text;
  return `<b>${reason}</b> ${escapeXml(`${words}: ${detail}`)} <small>${escapeXml(said(annotation))}</small>`;
}

/** Who said it, and who agreed. */
function said(annotation: Annotation): string {
  const { source, agreed_by = [] } = annotation;
  const agreed =
    agreed_by.length === 0 ? "" : `; so did ${agreed_by.join(", ")}`;
  return `${kindOf(annotation)} by ${source.id}${agreed}`;
}

function withScore({ text, score, source }: Annotation): string {
  const value = score === null ? source.id : score.toFixed(2);
  return `${text} (${value})`;
}

function list(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<ul>${lines.map((line) => `<li>${line}</li>`).join("")}</ul>`;
}
