// Which regions are worth keeping, each looked at alone or beside those of its
// own source.

import { intersectionOverUnion } from "../../shared/geometry.ts";
import { comparableName } from "../language/same-name.ts";
import type { RegionText, Removed } from "../records/record.ts";
import type { FilterOptions } from "./filter-options.ts";
import { judgePhrase } from "./phrase-rules.ts";
import type { Sorted, Verdict } from "./verdict.ts";

/** Judges a region by its score, its size and its words. */
export function judgeRegion(
  { about, text, score, region }: RegionText,
  options: FilterOptions,
): Verdict {
  const least =
    about === "writing" ? options.minWritingScore : options.minScore;
  if (score !== null && score < least)
    return { reason: "low_score", detail: `${score}; at least ${least}` };
  const { box } = region;
  const side = Math.min(box.x_max - box.x_min, box.y_max - box.y_min);
  if (side < options.minSidePx) {
    const detail = `${side.toFixed(1)} px; at least ${options.minSidePx}`;
    return { reason: "too_small", detail };
  }
  if (about === "writing") {
    return /[\p{Letter}\p{Number}]/u.test(text)
      ? null
      : { reason: "no_words", detail: `"${text}"` };
  }
  return about === "salient" ? null : judgePhrase(text);
}

/**
 * Non-maximum suppression: of regions of one source, kind and name that overlap,
 * the best scored stays.
 */
export function suppressOverlaps(
  regions: readonly RegionText[],
  maxIou: number,
): Sorted<RegionText> {
  const order = regions.toSorted((a, b) => (b.score ?? 1) - (a.score ?? 1));
  const kept: RegionText[] = [];
  const removed: Removed[] = [];
  for (const annotation of order) {
    const better = kept.find(
      (other) =>
        other.source.id === annotation.source.id &&
        other.about === annotation.about &&
        other.source.kind !== "human" &&
        comparableName(other.text) === comparableName(annotation.text) &&
        intersectionOverUnion(other.region.box, annotation.region.box) > maxIou,
    );
    if (better === undefined) kept.push(annotation);
    else removed.push({ annotation, ...overlaps(better) });
  }
  return { kept, removed };
}

/** The verdict on what another region shows better. */
export function overlaps(better: RegionText): NonNullable<Verdict> {
  return { reason: "overlaps_better", detail: better.id };
}
