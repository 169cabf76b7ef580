// Objects that several sources see: each is kept once, with who agreed.

import { intersectionOverUnion } from "../../shared/geometry.ts";
import { comparableName } from "../language/same-name.ts";
import { readText } from "../language/read-text.ts";
import type { Annotation, RegionText, Removed } from "../records/record.ts";
import type { FilterOptions } from "./filter-options.ts";
import { overlaps } from "./region-rules.ts";
import type { Sorted } from "./verdict.ts";

/** Names that somebody gives the photo as a whole, and who does. */
export type Evidence = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * What tags and people's captions name.
 *
 * @returns ids of sources by comparable name.
 */
export function evidenceOf(
  annotations: readonly Annotation[],
  { minTagScore }: Pick<FilterOptions, "minTagScore">,
): Evidence {
  const evidence = new Map<string, Set<string>>();
  const add = (name: string, id: string): void => {
    const ids = evidence.get(name) ?? new Set();
    evidence.set(name, ids.add(id));
  };
  for (const annotation of annotations) {
    const { kind, source, score, text } = annotation;
    if (kind === "tag" && (score ?? 1) >= minTagScore)
      add(comparableName(text), source.id);
    if (kind === "text" && source.kind === "human") {
      for (const phrase of readText(text).phrases)
        add(comparableName(phrase.text), source.id);
    }
  }
  return evidence;
}

/**
 * Keeps each object once, a person's before a better scored one, and counts the
 * voices: other sources with a region of the same name there, and tags and
 * captions that name it. An object below `sureScore` needs `minAgreement` of
 * them.
 */
export function agreeOnObjects(
  objects: readonly RegionText[],
  evidence: Evidence,
  options: FilterOptions,
): Sorted<RegionText> {
  const voiceOf = voices(options.sameVoice);
  const kept: RegionText[] = [];
  const removed: Removed[] = [];
  const order = objects.toSorted((a, b) => rank(b) - rank(a));
  const told = new Set<RegionText>();
  for (const object of order) {
    if (told.has(object)) continue;
    told.add(object);
    const same = order.filter(
      (other) =>
        !told.has(other) &&
        other.source.id !== object.source.id &&
        isSameObject(object, other, options.agreementIou),
    );
    for (const other of same) {
      told.add(other);
      removed.push({ annotation: other, ...overlaps(object) });
    }
    const agreed = new Set(same.map(({ source }) => source.id));
    for (const id of evidence.get(comparableName(object.text)) ?? [])
      agreed.add(id);
    agreed.delete(object.source.id);
    const count = new Set([object.source.id, ...agreed].map(voiceOf)).size;
    if (isSure(object, options) || count >= options.minAgreement) {
      kept.push(
        agreed.size === 0
          ? object
          : { ...object, agreed_by: [...agreed].sort() },
      );
      continue;
    }
    removed.push({
      annotation: object,
      reason: "no_agreement",
      detail: `score ${object.score ?? 0} and ${count} ${count === 1 ? "voice" : "voices"}; ${options.minAgreement} voices or ${options.sureScore} wanted`,
    });
  }
  return { kept, removed };
}

/** Whether two regions show one thing of one name. */
export function isSameObject(
  one: RegionText,
  other: RegionText,
  minIou: number,
): boolean {
  return (
    comparableName(one.text) === comparableName(other.text) &&
    intersectionOverUnion(one.region.box, other.region.box) >= minIou
  );
}

/**
 * Whether an annotation needs nobody to agree. A bundle's score says how likely
 * it found its own words, not how likely it is right: it is sure of nothing,
 * unless flipped and scaled views made it say the same.
 */
export function isSure(
  { source, score, stability }: Annotation,
  { sureScore, sureStability }: FilterOptions,
): boolean {
  if (source.kind === "bundle") return (stability ?? 0) >= sureStability;
  return score === null || score >= sureScore;
}

/** People before specialists, and those before bundles; then by score. */
function rank({ source, score }: RegionText): number {
  const first = { human: 3, composite: 3, specialist: 2, bundle: 1 };
  return first[source.kind] + (score ?? 1) / 2;
}

/** Gives sources of one voice one name. */
function voices(groups: readonly (readonly string[])[]) {
  return (id: string): string =>
    groups.find((group) => group.includes(id))?.join("+") ?? id;
}
