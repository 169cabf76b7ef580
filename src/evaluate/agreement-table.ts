// Tables of agreement and of layers' errors, as the docs quote them.

import {
  type BoxAgreement,
  meanOfAll,
  meanOfPairs,
} from "./agreement-boxes.ts";
import type { Agreement, Agreements } from "./agreement.ts";
import type { LayerError } from "./layer-errors.ts";

/** The head of a table whose rows come one by one. */
export const AGREEMENT_HEAD = table(
  [
    "weights",
    "steps as at fp32",
    "text part alone",
    "answers identical",
    "detect: IoU of pairs",
    "of all boxes",
    "ground: IoU of pairs",
    "of all boxes",
  ],
  [],
);

/** Steps, answers, boxes. */
export function agreementRow(
  name: string,
  { whole, text, boxes }: Agreements,
): string {
  return line([
    name,
    steps(whole),
    text === null ? "-" : steps(text),
    `${whole.sameAnswers} of ${whole.answers}`,
    ...describeBoxes(boxes.detect),
    ...describeBoxes(boxes.ground),
  ]);
}

/** By part; or by layer. */
export function layerTable(
  layers: readonly LayerError[],
  isEach: boolean,
): string {
  if (isEach) {
    return table(
      ["layer", "alone", "so far"],
      layers.map(({ layer, alone, soFar }) => [
        `\`${layer}\``,
        percent(alone),
        percent(soFar),
      ]),
    );
  }
  const parts = Map.groupBy(layers, ({ part }) => part);
  return table(
    ["part", "layers", "alone, median", "worst", "so far, median", "last"],
    [...parts].map(([part, own]) => {
      const worst = own.reduce((most, one) => one.alone > most.alone ? one : most); // prettier-ignore
      return [
        part,
        `${own.length}`,
        percent(middle(own.map(({ alone }) => alone))),
        `${percent(worst.alone)} (\`${shortName(worst.layer)}\`)`,
        percent(middle(own.map(({ soFar }) => soFar))),
        percent(own.at(-1)!.soFar),
      ];
    }),
  );
}

function steps({ steps: of, sameSteps }: Agreement): string {
  return `${percent(sameSteps / of)} (${sameSteps} of ${of})`;
}

function describeBoxes(boxes: BoxAgreement): readonly [string, string] {
  const { pairs, reference, own } = boxes;
  return [
    `${meanOfPairs(boxes).toFixed(3)} (${pairs} pairs)`,
    `${meanOfAll(boxes).toFixed(3)} (${reference} and ${own})`,
  ];
}

/** What tells a layer from others of its part. */
function shortName(layer: string): string {
  return layer.replace(
    /^model\.(?:vision_tower\.(?:\w+\.)?|language_model\.(?:en|de)coder\.)/u,
    "",
  );
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.001 ? 4 : 1)} %`;
}

function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  return [head, head.map(() => "---"), ...rows].map(line).join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
