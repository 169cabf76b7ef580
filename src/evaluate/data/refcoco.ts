// RefCOCO, RefCOCO+ and RefCOCOg as JSON, which `scripts/refcoco_to_json.py`
// makes of the published pickle.

import * as v from "valibot";
import {
  CocoBoxField,
  CocoImage,
  cornersOf,
  itemOf,
  outlineOf,
  Segmentation,
} from "./coco.ts";
import type { EvaluationItem, ReferringExpression } from "./item.ts";
import { jsonError, parseJson, type JsonFile } from "./read-json.ts";

const Id = v.pipe(v.number(), v.integer());

const RefCoco = v.object({
  /** `refcoco`, `refcoco+` or `refcocog`, and the split. */
  dataset: v.string(),
  split: v.string(),
  images: v.array(CocoImage),
  annotations: v.array(
    v.object({ id: Id, bbox: CocoBoxField, segmentation: Segmentation }),
  ),
  refs: v.array(
    v.object({
      image_id: Id,
      ann_id: Id,
      sentences: v.pipe(v.array(v.string()), v.minLength(1)),
    }),
  ),
});

/** @throws FlorenceError `invalid_request` with the line of the fault. */
export function parseRefCoco(json: JsonFile): EvaluationItem[] {
  const { images, annotations, refs } = parseJson(RefCoco, json);
  const byId = new Map(images.map((image) => [image.id, image]));
  const things = new Map(annotations.map((one, at) => [one.id, { one, at }]));
  const referring = new Map<number, ReferringExpression[]>();
  for (const [at, { image_id, ann_id, sentences }] of refs.entries()) {
    const image = byId.get(image_id);
    if (image === undefined) {
      throw jsonError(json, ["refs", at, "image_id"], `no image has the id ${image_id}`); // prettier-ignore
    }
    const thing = things.get(ann_id);
    if (thing === undefined) {
      throw jsonError(json, ["refs", at, "ann_id"], `no annotation has the id ${ann_id}`); // prettier-ignore
    }
    const { bbox, segmentation } = thing.one;
    const path = ["annotations", thing.at, "segmentation"];
    const outline = outlineOf(segmentation, image, json, path);
    const box = cornersOf(bbox);
    const own = referring.get(image_id) ?? [];
    own.push(...sentences.map((phrase) => ({ phrase, box, outline })));
    referring.set(image_id, own);
  }
  return images.flatMap((image) => {
    const own = referring.get(image.id);
    return own === undefined ? [] : [{ ...itemOf(image), referring: own }];
  });
}
