// One photo with the truth and the answer drawn over it.

import { readFile } from "node:fs/promises";
import { encodeWebp } from "../../node/encode-webp.ts";
import type { Point } from "../../shared/geometry.ts";
import { decodeImage, type ImageCodecs } from "../../shared/image/decode-image.ts"; // prettier-ignore
import { resizeBicubic } from "../../shared/image/resize-bicubic.ts";
import { toBase64 } from "../../shared/render/base64.ts";
import { escapeXml } from "../../shared/render/escape-xml.ts";
import type { Shape } from "../measures/measure.ts";
import { findPhoto } from "../run/find-photo.ts";
import type { JudgedCase } from "../summary/summarize.ts";

/** Longest side of a picture in the report, in pixels. */
const THUMBNAIL_SIDE = 320;
const QUALITY = 70;
/** Texts are cut to this many characters. */
const MOST_TEXT = 280;
/** More shapes with labels would hide the photo. */
const MOST_LABELS = 12;

export interface DrawTools {
  readonly codecs: ImageCodecs;
  /** Folder of the photos. */
  readonly images: string;
}

/** A figure: the photo, true shapes green, answered ones orange, both texts. */
export async function drawCase(
  one: JudgedCase,
  { codecs, images }: DrawTools,
): Promise<string> {
  const { item, size } = one.answered;
  const bytes = await readFile(await findPhoto(images, item.image));
  const { image } = await decodeImage(bytes, codecs);
  const shrink = Math.min(1, THUMBNAIL_SIDE / Math.max(image.width, image.height)); // prettier-ignore
  const width = Math.max(1, Math.round(image.width * shrink));
  const height = Math.max(1, Math.round(image.height * shrink));
  const webp = await encodeWebp(resizeBicubic(image, width, height), QUALITY);
  const scale = width / size.width;
  const isCrowded = one.answeredShapes.length > MOST_LABELS;
  const svg = [
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(item.image)}">`,
    `<image width="${width}" height="${height}" href="data:image/webp;base64,${toBase64(webp)}"/>`,
    ...one.trueShapes.map((shape) => drawShape(shape, scale, "true", null)),
    ...one.answeredShapes.map((shape) =>
      drawShape(shape, scale, "said", isCrowded ? null : shape.label),
    ),
    "</svg>",
  ];
  return [
    `<figure>${svg.join("")}<figcaption>`,
    `<b>${one.quality.toFixed(2)}</b> <code>${escapeXml(item.id)}</code><br>`,
    `<span class="true">true: ${escapeXml(shorten(one.truth.join(" / ")))}</span><br>`,
    `<span class="said">said: ${escapeXml(shorten(one.answer.join(" / ")))}</span>`,
    "</figcaption></figure>",
  ].join("");
}

function drawShape(
  { points, label }: Shape,
  scale: number,
  kind: "true" | "said",
  tag: string | null,
): string {
  const corners = points.map(([x, y]): Point => [x * scale, y * scale]);
  const path = corners.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`);
  const color = kind === "true" ? "#22c55e" : "#ff7a1a";
  const dash = kind === "true" ? "" : ` stroke-dasharray="5 3"`;
  const outline = `<path d="M${path.join("L")}Z" fill="none" stroke="${color}" stroke-width="1.8"${dash}><title>${escapeXml(label)}</title></path>`;
  if (tag === null) return outline;
  const left = Math.min(...corners.map(([x]) => x));
  const top = Math.max(9, Math.min(...corners.map(([, y]) => y)) - 2);
  return `${outline}<text x="${left.toFixed(1)}" y="${top.toFixed(1)}" font-size="9" font-family="system-ui, sans-serif" fill="#fff" stroke="#000" stroke-width="2" paint-order="stroke">${escapeXml(tag)}</text>`;
}

function shorten(text: string): string {
  const words = text.replace(/\s+/gu, " ").trim();
  return words.length > MOST_TEXT ? `${words.slice(0, MOST_TEXT)}…` : words;
}
