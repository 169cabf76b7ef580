// All rules over one photo's annotations.

import { intersectionOverUnion } from "../../shared/geometry.ts";
import { comparableName } from "../language/same-name.ts";
import type {
  Annotation,
  RegionText,
  Removed,
  TextAnnotation,
  Triplet,
} from "../records/record.ts";
import { agreeOnObjects, evidenceOf, isSure } from "./agreement.ts";
import type { FilterOptions } from "./filter-options.ts";
import { nameSalient } from "./name-salient.ts";
import { judgeRegion, overlaps, suppressOverlaps } from "./region-rules.ts";
import { judgeNames, judgeText } from "./text-rules.ts";
import { judgeTriplet } from "./triplet-rules.ts";
import { sortBy, type Sorted } from "./verdict.ts";

/**
 * Sorts everything said of one photo, in order: regions by score, size and
 * words; overlaps within a source; objects by agreement between sources; names
 * for what stands out; texts, also by the objects they name; triplets of texts
 * and objects that were kept.
 */
export function filterPhoto(
  annotations: readonly Annotation[],
  options: FilterOptions,
): Sorted {
  const tags = annotations.filter(({ kind }) => kind === "tag");
  const alone = sortBy(annotations.filter(isRegionText), (region) =>
    judgeRegion(region, options),
  );
  const single = suppressOverlaps(alone.kept, options.nmsIou);
  const of = (about: RegionText["about"]): RegionText[] =>
    single.kept.filter((region) => region.about === about);
  const evidence = evidenceOf(annotations, options);
  const agreed = agreeOnObjects(of("object"), evidence, options);
  const named = nameSalient(of("salient"), agreed.kept, annotations, options);
  const written = mergeWriting(of("writing"), options);
  const described = sortBy(of("description"), (region) =>
    isSure(region, options)
      ? null
      : { reason: "no_agreement", detail: "neither sure nor stable" },
  );
  const sure = new Set([...named.kept.map(nameOf), ...evidence.keys()]);
  const doubted = new Set(
    [...alone.removed, ...agreed.removed]
      .filter(isDoubtedObject)
      .map(({ annotation }) => nameOf(annotation))
      .filter((name) => !sure.has(name)),
  );
  const texts = sortBy(
    annotations.filter(isText),
    (text) => judgeText(text, options) ?? judgeNames(text.text, doubted),
  );
  const triplets = sortBy(annotations.filter(isTriplet), (triplet) =>
    judgeTriplet(triplet, texts.kept, named.kept, options),
  );
  return {
    kept: [
      ...texts.kept,
      ...named.kept,
      ...described.kept,
      ...written.kept,
      ...triplets.kept,
      ...tags,
    ],
    removed: [
      alone,
      single,
      agreed,
      named,
      written,
      described,
      texts,
      triplets,
    ].flatMap(({ removed }) => removed),
  };
}

/** Lines that people typed stand for those that were read in the same place. */
function mergeWriting(
  lines: readonly RegionText[],
  { agreementIou }: FilterOptions,
): Sorted<RegionText> {
  const kept: RegionText[] = [];
  const removed: Removed[] = [];
  const isHuman = ({ source }: RegionText): boolean => source.kind === "human";
  const order = [
    ...lines.filter(isHuman),
    ...lines.filter((line) => !isHuman(line)),
  ];
  for (const annotation of order) {
    const better = kept.find(
      (other) =>
        other.source.id !== annotation.source.id &&
        intersectionOverUnion(other.region.box, annotation.region.box) >=
          agreementIou,
    );
    if (better === undefined) kept.push(annotation);
    else removed.push({ annotation, ...overlaps(better) });
  }
  return { kept, removed };
}

function nameOf({ text }: Annotation): string {
  return comparableName(text);
}

/** Whether an object went since it may not be there. */
function isDoubtedObject({ annotation, reason }: Removed): boolean {
  return (
    annotation.kind === "region_text" &&
    annotation.about === "object" &&
    (reason === "low_score" || reason === "no_agreement")
  );
}

function isRegionText(annotation: Annotation): annotation is RegionText {
  return annotation.kind === "region_text";
}

function isText(annotation: Annotation): annotation is TextAnnotation {
  return annotation.kind === "text";
}

function isTriplet(annotation: Annotation): annotation is Triplet {
  return annotation.kind === "triplet";
}
