// How often other views of a photo say what the whole says.

import { intersectionOverUnion, type Box } from "../../shared/geometry.ts";
import { comparableName } from "../language/same-name.ts";
import { readText } from "../language/read-text.ts";
import type { Draft } from "./specialist.ts";
import type { View } from "./views.ts";

/** Boxes that overlap as much are the same thing. */
const SAME_IOU = 0.5;

/** What a view said. */
export interface ViewAnswer {
  readonly view: View;
  readonly drafts: readonly Draft[];
}

/**
 * Writes on each draft of the whole photo how stable it is, 0 to 1: for things
 * with a place, the share of the views showing it that found it again; for
 * texts, the mean share of nouns in common with the views' texts. A thing that
 * no other view shows has none.
 */
export function withStability(
  drafts: readonly Draft[],
  others: readonly ViewAnswer[],
): Draft[] {
  return drafts.map((draft) => {
    const stability = stabilityOf(draft, others);
    return stability === null ? draft : { ...draft, stability };
  });
}

function stabilityOf(
  draft: Draft,
  others: readonly ViewAnswer[],
): number | null {
  if (draft.kind === "tag") return null;
  const shares = others.flatMap(({ view, drafts }) => {
    if (draft.kind === "text") return [textAgreement(draft, drafts)];
    const boxes = boxesOf(draft);
    if (!boxes.every((box) => view.shows(box))) return [];
    const isFound = boxes.every((box) =>
      drafts.some(
        (other) =>
          isSameThing(draft, other) &&
          boxesOf(other).some(
            (found) =>
              intersectionOverUnion(view.toPhoto(found), box) >= SAME_IOU,
          ),
      ),
    );
    return [Number(isFound)];
  });
  if (shares.length === 0) return null;
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

function textAgreement(
  draft: Extract<Draft, { kind: "text" }>,
  drafts: readonly Draft[],
): number {
  const own = nounsOf(draft.text);
  const shares = drafts.flatMap((other) =>
    other.kind === "text" && other.level === draft.level
      ? [jaccard(own, nounsOf(other.text))]
      : [],
  );
  return Math.max(0, ...shares);
}

function nounsOf(text: string): ReadonlySet<string> {
  const { phrases } = readText(text);
  return new Set(phrases.map((phrase) => comparableName(phrase.text)));
}

/** Members in common, as a share of all; 1 for two empty sets. */
function jaccard(one: ReadonlySet<string>, other: ReadonlySet<string>): number {
  const all = one.union(other).size;
  return all === 0 ? 1 : one.intersection(other).size / all;
}

function isSameThing(one: Draft, other: Draft): boolean {
  if (one.kind === "region_text" && other.kind === "region_text") {
    // Views word descriptions differently: there the place decides.
    return (
      one.about === other.about &&
      (one.about === "description" ||
        comparableName(one.text) === comparableName(other.text))
    );
  }
  return (
    one.kind === "triplet" &&
    other.kind === "triplet" &&
    comparableName(one.phrase) === comparableName(other.phrase)
  );
}

function boxesOf(draft: Draft): Box[] {
  if (draft.kind === "region_text") return [draft.region.box];
  return draft.kind === "triplet" ? draft.regions.map(({ box }) => box) : [];
}
