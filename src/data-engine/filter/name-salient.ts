// What stands out in a photo gets a name, from objects or tags; its outline
// goes to the object it is the outline of.

import { intersectionOverUnion } from "../../shared/geometry.ts";
import type { Annotation, RegionText, Removed } from "../records/record.ts";
import type { FilterOptions } from "./filter-options.ts";
import { overlaps } from "./region-rules.ts";
import type { Sorted } from "./verdict.ts";

/**
 * Names salient regions. One that overlaps an object lends it its polygons,
 * unless the object has some; where there are no objects at all, the best tag
 * is its name. Else it goes.
 *
 * @param objects those that are kept.
 * @returns the objects, with what was named.
 */
export function nameSalient(
  salient: readonly RegionText[],
  objects: readonly RegionText[],
  annotations: readonly Annotation[],
  options: FilterOptions,
): Sorted<RegionText> {
  const kept = [...objects];
  const removed: Removed[] = [];
  for (const region of salient) {
    const at = bestOverlap(region, kept, options.agreementIou);
    const object = kept[at];
    if (object !== undefined) {
      kept[at] = withOutline(object, region);
      removed.push({ annotation: region, ...overlaps(object) });
      continue;
    }
    const tag = bestTag(annotations, options.minTagScore);
    if (objects.length === 0 && tag !== null) {
      kept.push({
        ...region,
        about: "object",
        text: tag.text,
        agreed_by: [tag.source.id],
      });
      continue;
    }
    const detail =
      objects.length === 0
        ? `no tag of ${options.minTagScore} or more`
        : "none of the objects is there";
    removed.push({ annotation: region, reason: "no_name", detail });
  }
  return { kept, removed };
}

function bestOverlap(
  region: RegionText,
  objects: readonly RegionText[],
  minIou: number,
): number {
  let best = -1;
  let most = minIou;
  for (const [index, object] of objects.entries()) {
    const iou = intersectionOverUnion(object.region.box, region.region.box);
    if (iou >= most) [best, most] = [index, iou];
  }
  return best;
}

function withOutline(object: RegionText, salient: RegionText): RegionText {
  const { polygons } = salient.region;
  if (object.region.polygons !== undefined || polygons === undefined)
    return object;
  const agreed = new Set([...(object.agreed_by ?? []), salient.source.id]);
  return {
    ...object,
    region: { ...object.region, polygons },
    agreed_by: [...agreed].sort(),
  };
}

/** A person's tag, else the best scored one. */
function bestTag(
  annotations: readonly Annotation[],
  minScore: number,
): Annotation | null {
  const tags = annotations.filter(
    ({ kind, score }) => kind === "tag" && (score ?? 1) >= minScore,
  );
  const [best] = tags.toSorted((a, b) => (b.score ?? 1) - (a.score ?? 1));
  return best ?? null;
}
