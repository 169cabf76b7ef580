// Our own form of a data set: one photo a line. Anything can be turned into it;
// its JSON Schema is `docs/evaluate-item.schema.json`.

import * as v from "valibot";
import type { Box, ImageSize } from "../../shared/geometry.ts";
import { dataError, parseLine } from "./data-error.ts";
import { flatRings, type EvaluationItem, type Outline } from "./item.ts";
import { parseJsonLines } from "./read-lines.ts";

const Text = v.pipe(v.string(), v.minLength(1));
const Side = v.pipe(v.number(), v.integer(), v.minValue(1));
const Finite = v.pipe(v.number(), v.finite());
const Point = v.tuple([Finite, Finite]);

const Corners = v.pipe(
  v.strictObject({
    x_min: Finite,
    y_min: Finite,
    x_max: Finite,
    y_max: Finite,
  }),
  v.check(
    ({ x_min, y_min, x_max, y_max }) => x_min < x_max && y_min < y_max,
    "x_min must be below x_max, and y_min below y_max",
  ),
);

/** Rings of at least three points. */
const Polygons = v.pipe(
  v.array(v.pipe(v.array(Point), v.minLength(3))),
  v.minLength(1),
);

const Line = v.strictObject({
  text: v.string(),
  /** Corners, clockwise from the text's top left. */
  quad: v.tuple([Point, Point, Point, Point]),
  /** Unreadable: counts neither way. */
  ignored: v.optional(v.boolean(), false),
});

const Phrase = v.strictObject({
  phrase: Text,
  /** Where it stands in the caption; its first place if left out. */
  span: v.exactOptional(v.tuple([v.number(), v.number()])),
  boxes: v.pipe(v.array(Corners), v.minLength(1)),
});

/** One line of the file. What is left out is not known, `[]` is none. */
export const EvaluationLine = v.strictObject({
  /** The image's name if left out. */
  id: v.exactOptional(Text),
  /** File below the folder of photos. */
  image: Text,
  width: v.exactOptional(Side),
  height: v.exactOptional(Side),
  /** `normalized`: fractions of width and height, which must be given. */
  coordinates: v.optional(v.picklist(["pixel", "normalized"]), "pixel"),
  captions: v.exactOptional(v.array(v.string())),
  objects: v.exactOptional(
    v.array(
      v.strictObject({
        label: Text,
        box: Corners,
        polygons: v.exactOptional(Polygons),
        /** Stands for many of its kind. */
        crowd: v.optional(v.boolean(), false),
      }),
    ),
  ),
  /** Categories whose objects are all there; all of the file if left out. */
  categories: v.exactOptional(v.array(Text)),
  grounded_captions: v.exactOptional(
    v.array(v.strictObject({ caption: Text, phrases: v.array(Phrase) })),
  ),
  referring: v.exactOptional(
    v.array(
      v.strictObject({
        phrase: Text,
        box: Corners,
        polygons: v.exactOptional(Polygons),
      }),
    ),
  ),
  questions: v.exactOptional(
    v.array(v.strictObject({ question: Text, answers: v.array(v.string()) })),
  ),
  lines: v.exactOptional(v.array(Line)),
});

type EvaluationLine = v.InferOutput<typeof EvaluationLine>;

/**
 * Reads a file of our own form.
 *
 * @throws FlorenceError `invalid_request` with the number of the faulty line.
 */
export function parseOwnJsonl(text: string, file: string): EvaluationItem[] {
  return parseJsonLines(text, file).map(({ number, value }) => {
    const line = parseLine(EvaluationLine, value, file, number);
    const { width, height } = line;
    const size =
      width === undefined || height === undefined ? null : { width, height };
    if (line.coordinates === "normalized" && size === null) {
      throw dataError(file, number, "normalized coordinates need width and height. Add them, or give pixels."); // prettier-ignore
    }
    return itemOf(line, size, file, number);
  });
}

function itemOf(
  line: EvaluationLine,
  size: ImageSize | null,
  file: string,
  number: number,
): EvaluationItem {
  const unit: ImageSize =
    line.coordinates === "normalized" && size !== null
      ? size
      : { width: 1, height: 1 };
  const toBox = (box: Box): Box => ({
    x_min: box.x_min * unit.width,
    y_min: box.y_min * unit.height,
    x_max: box.x_max * unit.width,
    y_max: box.y_max * unit.height,
  });
  const toPoint = ([x, y]: readonly [number, number]): [number, number] => [
    x * unit.width,
    y * unit.height,
  ];
  const toOutline = (
    polygons: readonly (readonly [number, number][])[] | undefined,
  ): Outline | null =>
    polygons === undefined
      ? null
      : { rings: flatRings(polygons.map((ring) => ring.map(toPoint))) };

  const phrases = (line.grounded_captions ?? []).map((grounded) => ({
    caption: grounded.caption,
    phrases: grounded.phrases.map(({ phrase, span, boxes }) => {
      const from = grounded.caption.indexOf(phrase);
      if (span === undefined && from < 0) {
        throw dataError(
          file,
          number,
          `the phrase ${JSON.stringify(phrase)} is not in its caption. Spell it as there, or give a span.`,
        );
      }
      const place: [number, number] = [from, from + phrase.length];
      return { phrase, span: span ?? place, boxes: boxes.map(toBox) };
    }),
  }));
  return {
    id: line.id ?? line.image,
    image: line.image,
    size,
    captions: line.captions ?? [],
    objects:
      line.objects?.map(({ label, box, polygons, crowd }) => ({
        label,
        box: toBox(box),
        outline: toOutline(polygons),
        area: null,
        isCrowd: crowd,
      })) ?? null,
    categories: line.categories ?? null,
    groundedCaptions: phrases,
    referring: (line.referring ?? []).map(({ phrase, box, polygons }) => ({
      phrase,
      box: toBox(box),
      outline: toOutline(polygons),
    })),
    questions: line.questions ?? [],
    lines:
      line.lines?.map(({ text, quad, ignored }) => ({
        text,
        quad: quad.map(toPoint),
        isIgnored: ignored,
      })) ?? null,
  };
}
