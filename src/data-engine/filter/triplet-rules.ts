// Which triplets hold: their text was kept, and their regions are where the
// objects are.

import { intersectionOverUnion } from "../../shared/geometry.ts";
import { comparableName } from "../language/same-name.ts";
import type { RegionText, TextAnnotation, Triplet } from "../records/record.ts";
import { isSure } from "./agreement.ts";
import type { FilterOptions } from "./filter-options.ts";
import { judgePhrase } from "./phrase-rules.ts";
import type { Verdict } from "./verdict.ts";

/** Judges a triplet by its phrase, its text, its score and its regions. */
export function judgeTriplet(
  triplet: Triplet,
  texts: readonly TextAnnotation[],
  objects: readonly RegionText[],
  options: FilterOptions,
): Verdict {
  const { text, phrase, score, regions } = triplet;
  const verdict = judgePhrase(phrase);
  if (verdict !== null) return verdict;
  if (!texts.some((kept) => kept.text === text))
    return { reason: "no_agreement", detail: "its text was taken out" };
  if (score !== null && score < options.minScore) {
    const detail = `${score}; at least ${options.minScore}`;
    return { reason: "low_score", detail };
  }
  const name = comparableName(phrase);
  const named = objects.filter(
    (object) => comparableName(object.text) === name,
  );
  const lost = regions.find(
    ({ box }) =>
      !named.some(
        (object) =>
          intersectionOverUnion(object.region.box, box) >= options.agreementIou,
      ),
  );
  if (lost === undefined || (named.length === 0 && isSure(triplet, options)))
    return null;
  const detail = `no ${name} that is kept lies there`;
  return { reason: "no_agreement", detail };
}
