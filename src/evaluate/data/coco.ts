// COCO's JSON: `instances_*.json` and `captions_*.json`.

import * as v from "valibot";
import type { Box } from "../../shared/geometry.ts";
import { decodeRuns, maskOfRuns } from "../metrics/masks.ts";
import {
  blankItem,
  type EvaluationItem,
  type Outline,
  type TrueThing,
} from "./item.ts";
import { jsonError, parseJson, type JsonFile } from "./read-json.ts";

const Id = v.pipe(v.number(), v.integer());

export const CocoImage = v.object({
  id: Id,
  file_name: v.pipe(v.string(), v.minLength(1)),
  width: v.pipe(v.number(), v.integer(), v.minValue(1)),
  height: v.pipe(v.number(), v.integer(), v.minValue(1)),
});

/** x, y, width, height in pixels. */
export const CocoBoxField = v.pipe(
  v.tuple([v.number(), v.number(), v.number(), v.number()]),
  v.check(
    ([, , width, height]) => width >= 0 && height >= 0,
    "a box is [x, y, width, height], and width and height are not below 0",
  ),
);

/** Rings, or run lengths in either form. */
export const Segmentation = v.union(
  [
    v.array(v.pipe(v.array(v.number()), v.minLength(6))),
    v.object({
      size: v.tuple([v.number(), v.number()]),
      counts: v.union([v.string(), v.array(v.number())]),
    }),
  ],
  "rings of at least three points, or run lengths with their size",
);

const Instances = v.object({
  images: v.array(CocoImage),
  annotations: v.array(
    v.object({
      image_id: Id,
      category_id: Id,
      bbox: CocoBoxField,
      area: v.optional(v.number()),
      iscrowd: v.optional(v.picklist([0, 1]), 0),
      segmentation: v.optional(Segmentation),
    }),
  ),
  categories: v.array(v.object({ id: Id, name: v.string() })),
});

const Captions = v.object({
  images: v.array(CocoImage),
  annotations: v.array(v.object({ image_id: Id, caption: v.string() })),
});

type CocoImage = v.InferOutput<typeof CocoImage>;
type Segmentation = v.InferOutput<typeof Segmentation>;

/** @throws FlorenceError `invalid_request` with the line of the fault. */
export function parseCocoInstances(json: JsonFile): EvaluationItem[] {
  const { images, annotations, categories } = parseJson(Instances, json);
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const things = new Map<number, TrueThing[]>(images.map(({ id }) => [id, []]));
  const byId = new Map(images.map((image) => [image.id, image]));
  for (const [at, annotation] of annotations.entries()) {
    const { image_id, category_id, bbox, area, iscrowd } = annotation;
    const image = byId.get(image_id);
    if (image === undefined) {
      throw jsonError(json, ["annotations", at, "image_id"], `no image has the id ${image_id}`); // prettier-ignore
    }
    const label = names.get(category_id);
    if (label === undefined) {
      throw jsonError(json, ["annotations", at, "category_id"], `no category has the id ${category_id}`); // prettier-ignore
    }
    const { segmentation } = annotation;
    const outline =
      segmentation === undefined
        ? null
        : outlineOf(segmentation, image, json, [
            ...["annotations", at, "segmentation"],
          ]);
    things.get(image_id)!.push({
      label,
      box: cornersOf(bbox),
      outline,
      area: area ?? null,
      isCrowd: iscrowd === 1,
    });
  }
  return images.map((image) => ({
    ...itemOf(image),
    objects: things.get(image.id) ?? [],
    categories: categories.map(({ name }) => name),
  }));
}

/** @throws FlorenceError `invalid_request` with the line of the fault. */
export function parseCocoCaptions(json: JsonFile): EvaluationItem[] {
  const { images, annotations } = parseJson(Captions, json);
  const captions = new Map<number, string[]>(images.map(({ id }) => [id, []]));
  for (const [at, { image_id, caption }] of annotations.entries()) {
    const own = captions.get(image_id);
    if (own === undefined) {
      throw jsonError(json, ["annotations", at, "image_id"], `no image has the id ${image_id}`); // prettier-ignore
    }
    own.push(caption);
  }
  return images.map((image) => ({
    ...itemOf(image),
    captions: captions.get(image.id) ?? [],
  }));
}

/** The item of an image, without anything said of it. */
export function itemOf({ file_name, width, height }: CocoImage): EvaluationItem {
  return blankItem(file_name, file_name, { width, height });
} // prettier-ignore

/** Corners of a box given by its size. */
export function cornersOf([x, y, width, height]: readonly [
  number,
  number,
  number,
  number,
]): Box {
  return { x_min: x, y_min: y, x_max: x + width, y_max: y + height };
}

/** @throws FlorenceError `invalid_request` for runs that are not of the image. */
export function outlineOf(
  segmentation: Segmentation,
  { width, height }: CocoImage,
  json: JsonFile,
  path: readonly (string | number)[],
): Outline {
  if (Array.isArray(segmentation)) return { rings: segmentation };
  const { counts, size } = segmentation;
  const isOfImage = size[0] === height && size[1] === width;
  const mask =
    typeof counts === "string"
      ? decodeRuns(counts, width, height)
      : maskOfRuns(counts, width, height);
  if (mask !== null && isOfImage) return { mask };
  throw jsonError(
    json,
    path,
    `the run lengths are not of an image of ${width} by ${height}`,
  );
}
