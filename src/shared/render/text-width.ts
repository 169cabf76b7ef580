// How wide a label will be, known without a font at hand.

/** Fonts of labels: Roboto where we draw, else one with nearly its widths. */
export const FONT_FAMILY = "Roboto, Arial, Helvetica, sans-serif";

/**
 * Advance widths of U+0020 to U+007E in hundredths of an em, from the `hmtx`
 * table of Roboto Medium. Arial's differ by at most a few hundredths.
 */
const ASCII_WIDTHS = [
  25, 26, 32, 60, 57, 74, 64, 17, 35, 35, 44, 56, 22, 34, 28, 39, 57, 57, 57,
  57, 57, 57, 57, 57, 57, 57, 26, 24, 51, 56, 52, 49, 90, 66, 63, 65, 65, 56,
  55, 68, 71, 28, 56, 63, 54, 87, 71, 69, 64, 69, 63, 61, 61, 65, 65, 88, 63,
  61, 60, 27, 42, 27, 43, 45, 32, 54, 56, 52, 56, 54, 35, 57, 56, 25, 25, 52,
  25, 87, 56, 57, 56, 57, 35, 51, 33, 56, 50, 74, 50, 49, 50, 33, 25, 33, 66,
];

/** Width in ems; a little generous outside ASCII. */
export function textWidth(text: string): number {
  let hundredths = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    hundredths += ASCII_WIDTHS[code - 0x20] ?? (code < 0x2e80 ? 72 : 105);
  }
  return hundredths / 100;
}

/** Shortens a text to `maxWidth` ems, an ellipsis in place of what is cut. */
export function truncateText(text: string, maxWidth: number): string {
  if (textWidth(text) <= maxWidth) return text;
  const kept: string[] = [];
  let width = textWidth("…");
  for (const character of text) {
    width += textWidth(character);
    if (width > maxWidth) break;
    kept.push(character);
  }
  return `${kept.join("").trimEnd()}…`;
}
