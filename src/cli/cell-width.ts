// How many columns of a terminal a text takes.

/** Characters of double width: Han, Kana, Hangul and fullwidth forms, emoji. */
const WIDE =
  /^(?:[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation})/u;

const SEGMENTER = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Columns a text takes, escape codes not expected. */
export function cellWidth(text: string): number {
  let width = 0;
  for (const { segment } of SEGMENTER.segment(text)) width += cellsOf(segment);
  return width;
}

/** Shortens a line to `width` columns, an ellipsis in place of the rest. */
export function clipText(text: string, width: number): string {
  if (cellWidth(text) <= width) return text;
  let kept = "";
  let used = 1;
  for (const { segment } of SEGMENTER.segment(text)) {
    used += cellsOf(segment);
    if (used > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** Fills a text with blanks up to `width` columns. */
export function padText(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - cellWidth(text)));
}

function cellsOf(grapheme: string): number {
  return WIDE.test(grapheme) ? 2 : 1;
}
