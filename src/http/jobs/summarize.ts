// What an answer says, in a line: the `summary` of a thin webhook.

import type { Envelope, EnvelopeResult } from "../../shared/schema/analysis.ts";

/** Letters of a summary. */
const MAX_LENGTH = 500;

/** One part for each task: `caption: a green boat; detect: 2 boat, 1 car`. */
export function summarize({ results }: Envelope): string {
  const summary = results
    .map((result) => `${result.task}: ${summarizeResult(result)}`)
    .join("; ");
  return summary.length <= MAX_LENGTH
    ? summary
    : `${summary.slice(0, MAX_LENGTH - 1)}…`;
}

function summarizeResult(result: EnvelopeResult): string {
  if (result.status === "error") return `failed (${result.problem.code})`;
  if (result.status === "no_detection") return "nothing found";
  if ("text" in result) return result.text.replaceAll("\n", " ");
  if ("objects" in result) return countLabels(result.objects);
  if ("segments" in result) return plural(result.segments.length, "segment");
  return plural(result.regions.length, "region");
}

/** `2 boat, 1 car`, or how many there are where they have no label. */
function countLabels(objects: readonly object[]): string {
  const counts = new Map<string, number>();
  for (const object of objects) {
    if (!("label" in object) || typeof object.label !== "string") {
      return plural(objects.length, "object");
    }
    counts.set(object.label, (counts.get(object.label) ?? 0) + 1);
  }
  return [...counts].map(([label, count]) => `${count} ${label}`).join(", ");
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
