// The words and the color of a mark.

import { colorOfLabel, type LabelColor } from "./label-color.ts";
import type { Mark } from "./marks.ts";

/** The score as it is drawn; `""` where there is none. */
export function scoreText({ score }: Mark): string {
  return score === undefined ? "" : score.toFixed(2);
}

/** Label and score, neither shortened. */
export function tagText(mark: Mark): string {
  return [mark.label, scoreText(mark)].filter((word) => word !== "").join(" ");
}

/** The color of a mark's label; lines of text, no classes, share one. */
export function colorOfMark({ kind, label }: Mark): LabelColor {
  return colorOfLabel(kind === "quad" ? "ocr" : label);
}
