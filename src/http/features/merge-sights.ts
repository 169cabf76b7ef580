// Passes over one picture that looked closer for different prompts, as one.

import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import type { PromptSight } from "../../shared/model/model.ts";

/** What one pass remembers at most: of regions there may be any number. */
const MAX_SIGHTS = 256;

/**
 * The later pass, and what the earlier looked at beyond it. The oldest sights
 * go first where there are too many.
 */
export function mergeSights(earlier: SeenImage, later: SeenImage): SeenImage {
  const own = new Set(sightsOf(later).map(keyOf));
  const older = sightsOf(earlier).filter((sight) => !own.has(keyOf(sight)));
  if (older.length === 0) return later;
  const sights = [...older, ...sightsOf(later)].slice(-MAX_SIGHTS);
  return { ...later, features: { ...later.features, sights } };
}

/** Whether `later` looked at something that `earlier` did not. */
export function seesMore(later: SeenImage, earlier: SeenImage): boolean {
  const known = new Set(sightsOf(earlier).map(keyOf));
  return sightsOf(later).some((sight) => !known.has(keyOf(sight)));
}

function sightsOf({ features }: SeenImage): readonly PromptSight[] {
  return features.sights ?? [];
}

function keyOf({ prompt, openAt }: PromptSight): string {
  return `${openAt ?? ""}:${prompt.join()}`;
}
