// The items of a result that have a place, whatever the task.

import type { Box } from "../geometry.ts";
import type { TaskPayload } from "../tasks/index.ts";
import { boundingBox } from "../tasks/segments.ts";
import type { Crop, ResultBox, ResultPoint } from "../tasks/result-fields.ts";
import type { FoundObject } from "./events.ts";

/** An item as far as it is looked at here; the result's own, not a copy. */
export interface PlacedItem {
  readonly id: string;
  readonly score: number;
  readonly box?: ResultBox;
  readonly quad?: readonly ResultPoint[];
  crop?: Crop;
}

/** One list of items of a result. */
export interface ItemList {
  readonly kind: FoundObject["kind"];
  /** Of `segment_regions`: the region it belongs to, and its number. */
  readonly region: { readonly id: string; readonly index: number } | null;
  readonly items: readonly PlacedItem[];
}

/** The lists of a result; none for texts. */
export function itemListsOf(result: TaskPayload): readonly ItemList[] {
  if ("objects" in result)
    return [{ kind: "object", region: null, items: result.objects }];
  if ("lines" in result)
    return [{ kind: "line", region: null, items: result.lines }];
  if ("segments" in result)
    return [{ kind: "segment", region: null, items: result.segments }];
  if (result.task !== "segment_regions") return [];
  return result.regions.map(({ id, segments }, index) => ({
    kind: "segment",
    region: { id, index },
    items: segments,
  }));
}

/** The smallest box around an item, in the unit of the result. */
export function boundsOf({ box, quad }: PlacedItem): Box {
  if (box !== undefined) return box;
  if (quad !== undefined) return boundingBox(quad);
  throw new Error("internal: an item without a place");
}
