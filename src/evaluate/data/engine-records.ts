// Lines of the data engine as truth: what it made of a folder of photos, and
// people have looked through, can be measured against.

import * as v from "valibot";
import type { Point } from "../../shared/geometry.ts";
import { parseLine } from "./data-error.ts";
import {
  blankItem,
  flatRings,
  type EvaluationItem,
  type GroundedCaption,
} from "./item.ts";
import { parseJsonLines } from "./read-lines.ts";

const Point = v.tuple([v.number(), v.number()]);

const Region = v.object({
  box: v.object({
    x_min: v.number(),
    y_min: v.number(),
    x_max: v.number(),
    y_max: v.number(),
  }),
  quad: v.optional(v.array(Point)),
  polygons: v.optional(v.array(v.array(Point))),
});

/** The part of a record that is heeded; the data engine's own schema is stricter. */
const Record = v.object({
  photo: v.object({
    path: v.string(),
    width: v.optional(v.number()),
    height: v.optional(v.number()),
  }),
  dropped: v.optional(v.unknown()),
  annotations: v.optional(
    v.array(
      v.variant("kind", [
        v.object({ kind: v.literal("text"), level: v.string(), text: v.string() }),
        v.object({ kind: v.literal("region_text"), about: v.string(), text: v.string(), region: Region }),
        v.object({ kind: v.literal("triplet"), text: v.string(), phrase: v.string(), span: v.tuple([v.number(), v.number()]), regions: v.array(Region) }),
        v.object({ kind: v.literal("tag"), text: v.string() }),
      ]),
    ),
  ),
}); // prettier-ignore

/**
 * Reads records of the data engine. Photos that were dropped or could not be
 * read are left out; of several lines about one photo the last holds.
 *
 * Brief texts are captions, named regions objects, writing lines of text.
 *
 * @throws FlorenceError `invalid_request` with the number of the faulty line.
 */
export function parseEngineRecords(
  text: string,
  file: string,
): EvaluationItem[] {
  const items = new Map<string, EvaluationItem>();
  for (const { number, value } of parseJsonLines(text, file)) {
    const { photo, annotations, dropped } = parseLine(Record, value, file, number); // prettier-ignore
    if (annotations === undefined || dropped !== undefined) {
      items.delete(photo.path);
      continue;
    }
    items.set(photo.path, itemOf(photo, annotations));
  }
  return [...items.values()];
}

type Annotations = NonNullable<v.InferOutput<typeof Record>["annotations"]>;

function itemOf(
  photo: v.InferOutput<typeof Record>["photo"],
  annotations: Annotations,
): EvaluationItem {
  const size =
    photo.width === undefined || photo.height === undefined
      ? null
      : { width: photo.width, height: photo.height };
  const captions: string[] = [];
  const objects: NonNullable<EvaluationItem["objects"]>[number][] = [];
  const lines: NonNullable<EvaluationItem["lines"]>[number][] = [];
  const grounded = new Map<string, GroundedCaption["phrases"][number][]>();
  for (const one of annotations) {
    if (one.kind === "text" && one.level === "brief") captions.push(one.text);
    if (one.kind === "triplet") {
      const own = grounded.get(one.text) ?? [];
      const boxes = one.regions.map(({ box }) => box);
      own.push({ phrase: one.phrase, span: one.span, boxes });
      grounded.set(one.text, own);
    }
    if (one.kind !== "region_text") continue;
    const { box, quad, polygons } = one.region;
    if (one.about === "writing") {
      lines.push({ text: one.text, quad: quad ?? cornersOf(box), isIgnored: false }); // prettier-ignore
    }
    if (one.about !== "object") continue;
    const outline = polygons === undefined ? null : { rings: flatRings(polygons) }; // prettier-ignore
    objects.push({ label: one.text, box, outline, area: null, isCrowd: false });
  }
  return {
    ...blankItem(photo.path, photo.path, size),
    captions,
    objects: objects.length > 0 ? objects : null,
    lines: lines.length > 0 ? lines : null,
    groundedCaptions: [...grounded].map(([caption, phrases]) => ({
      caption,
      phrases,
    })),
  };
}

function cornersOf({
  x_min,
  y_min,
  x_max,
  y_max,
}: v.InferOutput<typeof Region>["box"]): Point[] {
  return [
    [x_min, y_min],
    [x_max, y_min],
    [x_max, y_max],
    [x_min, y_max],
  ];
}
