// What a rule says of an annotation.

import type { Annotation, Reason, Removed } from "../records/record.ts";

/** Why something goes; null where it stays. */
export type Verdict = {
  readonly reason: Reason;
  readonly detail: string;
} | null;

/** Annotations that stay, and those that went with the reason. */
export interface Sorted<A extends Annotation = Annotation> {
  readonly kept: readonly A[];
  readonly removed: readonly Removed[];
}

/** Sorts annotations by a rule. What people said stays unasked. */
export function sortBy<A extends Annotation>(
  annotations: readonly A[],
  judge: (annotation: A) => Verdict,
): Sorted<A> {
  const kept: A[] = [];
  const removed: Removed[] = [];
  for (const annotation of annotations) {
    const verdict =
      annotation.source.kind === "human" ? null : judge(annotation);
    if (verdict === null) kept.push(annotation);
    else removed.push({ annotation, ...verdict });
  }
  return { kept, removed };
}
