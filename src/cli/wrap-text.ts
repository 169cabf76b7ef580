// Text that fits a terminal.

import { stripVTControlCharacters } from "node:util";
import { cellWidth } from "./cell-width.ts";

/** Breaks a text at blanks into lines of at most `width` columns. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/u)) {
    if (line !== "" && cellWidth(line) + 1 + cellWidth(word) > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

/**
 * A text of a model or a caller as one line that is safe on a terminal: no
 * escape sequences, no control characters, line ends shown.
 */
export function onOneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\r?\n/gu, " ⏎ ")
    .replace(/\p{Cc}|\p{Bidi_Control}/gu, " ")
    .trim();
}
