// One photo with what was kept and what was taken out, drawn.

import { boxArea } from "../../shared/geometry.ts";
import { escapeXml } from "../../shared/render/escape-xml.ts";
import { renderSvg } from "../../shared/render/svg.ts";
import type {
  Annotation,
  Region,
  Removed,
  SeenPhoto,
} from "../records/record.ts";

/** A region of an annotation that is drawn, with what its tag says. */
interface DrawnRegion extends Region {
  readonly label: string;
  readonly score?: number;
}

/** Longest label, in letters: what is written in a photo can be long. */
const MAX_LABEL = 24;

/**
 * The photo as SVG, what was kept drawn over it.
 *
 * @param thumbnail a WebP of the photo at any size.
 */
export function drawKept(record: SeenPhoto, thumbnail: Uint8Array): string {
  const objects = record.annotations.flatMap(regionsToDraw);
  return renderSvg([{ task: "detect", objects }], record.photo, {
    background: { mediaType: "image/webp", bytes: thumbnail },
  });
}

/**
 * What was taken out as SVG without a background, each with its number.
 *
 * @returns `""` where nothing that was taken out has a place.
 */
export function drawRemoved({ photo, removed = [] }: SeenPhoto): string {
  const { width, height } = photo;
  const font = Math.round(0.035 * Math.sqrt(width * height));
  const shapes = removed
    .map((one, index) => ({ ...one, number: index + 1 }))
    .sort((a, b) => areaOf(b) - areaOf(a))
    .flatMap(({ annotation, reason, number }) =>
      regionsOf(annotation).map(({ box }) => {
        const { x_min, y_min, x_max, y_max } = box;
        const words = escapeXml(`${number}: ${annotation.text}, ${reason}`);
        return [
          `<g><title>${words}</title>`,
          `<rect x="${x_min}" y="${y_min}" width="${x_max - x_min}" height="${y_max - y_min}"/>`,
          `<text x="${x_min + font * 0.2}" y="${y_min + font}" font-size="${font}">${number}</text></g>`,
        ].join("");
      }),
    );
  if (shapes.length === 0) return "";
  return `<svg class="removed" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}">${shapes.join("")}</svg>`;
}

function regionsToDraw(annotation: Annotation): DrawnRegion[] {
  // Triplets show the same places once more.
  if (annotation.kind !== "region_text") return [];
  const { text, region, score } = annotation;
  const label =
    text.length > MAX_LABEL ? `${text.slice(0, MAX_LABEL - 1)}…` : text;
  return [{ ...region, label, ...(score !== null && { score }) }];
}

function regionsOf(annotation: Annotation): readonly Region[] {
  if (annotation.kind === "region_text") return [annotation.region];
  return annotation.kind === "triplet" ? annotation.regions : [];
}

function areaOf({ annotation }: Removed): number {
  const boxes = regionsOf(annotation).map(({ box }) => boxArea(box));
  return Math.max(0, ...boxes);
}
