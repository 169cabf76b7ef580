// A result as text, for whoever only reads text.

import type { Envelope, EnvelopeResult } from "../../shared/schema/analysis.ts";

/**
 * The text of a result; of one without, a line for each thing that was found:
 * its words and its box.
 */
export function resultText(result: EnvelopeResult): string {
  if (result.status === "error") return result.problem.detail;
  if ("text" in result) return result.text;
  if ("objects" in result) return result.objects.map(itemLine).join("\n");
  if ("segments" in result) return result.segments.map(itemLine).join("\n");
  return result.regions.map(itemLine).join("\n");
}

/** The result of a request of one task; one that failed has thrown before. */
export function onlyResult({
  results,
}: Envelope): Exclude<EnvelopeResult, { readonly status: "error" }> {
  const [result] = results;
  if (result === undefined || result.status === "error") {
    throw new Error("internal: an answer without a result");
  }
  return result;
}

interface Item {
  readonly id: string;
  readonly label?: string;
  readonly phrase?: string;
  readonly text?: string;
  readonly box?: {
    readonly x_min: number;
    readonly y_min: number;
    readonly x_max: number;
    readonly y_max: number;
  };
}

function itemLine(item: Item): string {
  const words = item.label ?? item.phrase ?? item.text ?? item.id;
  if (item.box === undefined) return words;
  const { x_min, y_min, x_max, y_max } = item.box;
  const corners = [x_min, y_min, x_max, y_max].map(
    (value) => Math.round(value * 1000) / 1000,
  );
  return `${words} (${corners.join(", ")})`;
}
