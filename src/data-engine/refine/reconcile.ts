// What a trained model says, held against what is known: what both say is kept,
// what only the model says if it is stable, what only specialists say if they
// are sure.

import { comparableName } from "../language/same-name.ts";
import { intersectionOverUnion } from "../../shared/geometry.ts";
import { isSameObject, isSure } from "../filter/agreement.ts";
import type { FilterOptions } from "../filter/filter-options.ts";
import { judgePhrase } from "../filter/phrase-rules.ts";
import { judgeText } from "../filter/text-rules.ts";
import type { Verdict } from "../filter/verdict.ts";
import { taskThatSays } from "../specialists/florence-drafts.ts";
import type { BundleTask } from "../specialists/specialist.ts";
import type {
  Annotation,
  RegionText,
  Removed,
  Triplet,
} from "../records/record.ts";

/** What came of one photo. */
export interface Reconciled {
  readonly annotations: readonly Annotation[];
  readonly removed: readonly Removed[];
  readonly counts: ReconcileCounts;
}

/** Annotations without tags, by what became of them. */
export interface ReconcileCounts {
  /** Known and said by the model too. */
  readonly agreed: number;
  /** Known, not said by the model, kept since people, sure, or not asked for. */
  readonly trusted: number;
  /** Known, not said by the model, taken out. */
  readonly dropped: number;
  /** Said by the model alone, stable, added. */
  readonly added: number;
  /** Said by the model alone, not stable enough. */
  readonly unstable: number;
}

/**
 * Reconciles one photo.
 *
 * @param known what is known of it, from `filter` or the round before.
 * @param said what the model says, with its stability.
 * @param asked what it was asked: its silence on anything else says nothing.
 */
export function reconcile(
  known: readonly Annotation[],
  said: readonly Annotation[],
  asked: ReadonlySet<BundleTask>,
  options: FilterOptions,
): Reconciled {
  const annotations: Annotation[] = [];
  const removed: Removed[] = [];
  const matched = new Set<Annotation>();
  const counts = { agreed: 0, trusted: 0, dropped: 0, added: 0, unstable: 0 };
  for (const one of known) {
    if (one.kind === "tag") {
      annotations.push(one);
      continue;
    }
    const same = said.filter((other) => saysTheSame(one, other, options));
    for (const other of same) matched.add(other);
    const task = taskThatSays(one);
    const isUnasked = task !== null && !asked.has(task);
    // What an earlier model said holds only as long as this one says it too.
    const isModels = one.source.kind === "bundle";
    const isTrusted =
      !isModels && (one.kind === "text" || isSure(one, options));
    if (same.length > 0) {
      counts.agreed += 1;
      annotations.push(withVoice(one, same[0]!));
    } else if (isUnasked || isTrusted) {
      counts.trusted += 1;
      annotations.push(one);
    } else {
      counts.dropped += 1;
      const detail = "the model of this round does not say it";
      removed.push({ annotation: one, reason: "model_disagrees", detail });
    }
  }
  for (const one of said) {
    if (matched.has(one)) continue;
    const verdict = judgeNew(one, options);
    if (verdict === null) {
      counts.added += 1;
      annotations.push(one);
    } else {
      counts.unstable += 1;
      removed.push({ annotation: one, ...verdict });
    }
  }
  return { annotations: uniqueIds(annotations), removed, counts };
}

/** Whether two annotations say one thing, whoever they are of. */
function saysTheSame(
  one: Annotation,
  other: Annotation,
  options: FilterOptions,
): boolean {
  if (one.kind === "text" && other.kind === "text")
    return one.level === other.level && one.text === other.text;
  if (one.kind === "region_text" && other.kind === "region_text")
    return isSameRegion(one, other, options.agreementIou);
  return (
    one.kind === "triplet" &&
    other.kind === "triplet" &&
    isSameTriplet(one, other, options.agreementIou)
  );
}

function isSameRegion(
  one: RegionText,
  other: RegionText,
  minIou: number,
): boolean {
  return one.about === other.about && isSameObject(one, other, minIou);
}

function isSameTriplet(one: Triplet, other: Triplet, minIou: number): boolean {
  return (
    one.text === other.text &&
    comparableName(one.phrase) === comparableName(other.phrase) &&
    one.regions.every(({ box }) =>
      other.regions.some(
        (region) => intersectionOverUnion(region.box, box) >= minIou,
      ),
    )
  );
}

function withVoice(
  one: Annotation,
  { source, stability }: Annotation,
): Annotation {
  const agreed = new Set(one.agreed_by ?? []);
  if (source.id !== one.source.id) agreed.add(source.id);
  return {
    ...one,
    ...(agreed.size > 0 && { agreed_by: [...agreed].sort() }),
    ...(stability !== undefined && { stability }),
  };
}

/** Judges what the model alone says. */
function judgeNew(one: Annotation, options: FilterOptions): Verdict {
  if (!isSure(one, options)) {
    const stability = (one.stability ?? 0).toFixed(2);
    const detail = `stability ${stability}; at least ${options.sureStability}`;
    return { reason: "no_agreement", detail };
  }
  if (one.kind === "text") return judgeText(one, options);
  if (one.kind === "triplet") return judgePhrase(one.phrase);
  return one.kind === "region_text" && one.about !== "writing"
    ? judgePhrase(one.text)
    : null;
}

/** The same model names its annotations alike in every round. */
function uniqueIds(annotations: readonly Annotation[]): Annotation[] {
  const taken = new Set<string>();
  return annotations.map((annotation) => {
    let { id } = annotation;
    for (let number = 2; taken.has(id); number += 1)
      id = `${annotation.id}.${number}`;
    taken.add(id);
    return id === annotation.id ? annotation : { ...annotation, id };
  });
}
