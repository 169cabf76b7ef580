// One color for each label, the same in every picture, and the text color that
// reads best on it.

export interface LabelColor {
  /** `#rrggbb`, of outlines and of the tag. */
  readonly fill: string;
  /** `#000000` or `#ffffff`, whichever contrasts more with `fill`. */
  readonly text: string;
}

/** Hues that stay apart on photos, and from each other next door in the list. */
const PALETTE = [
  "#ff3b5c",
  "#2f7bff",
  "#22c55e",
  "#ffb01f",
  "#a855f7",
  "#12b5cb",
  "#ff6b1a",
  "#e6399b",
  "#9bd41c",
  "#6366f1",
  "#14b892",
  "#ffe03d",
  "#c0392b",
  "#4fc3ff",
  "#c98bff",
  "#ff9d8a",
] as const;

/**
 * The color of a label: its hash picks from sixteen, so that a label keeps its
 * color from picture to picture, at the price that two labels may share one.
 */
export function colorOfLabel(label: string): LabelColor {
  const fill = PALETTE[hashOf(label.trim().toLowerCase()) % PALETTE.length]!;
  return { fill, text: readableTextColor(fill) };
}

/** Black or white, whichever has the higher contrast ratio on `fill`. */
export function readableTextColor(fill: string): string {
  return contrastRatio(fill, "#000000") >= contrastRatio(fill, "#ffffff")
    ? "#000000"
    : "#ffffff";
}

/**
 * Contrast of two `#rrggbb` colors, 1 to 21.
 *
 * Source: WCAG 2.2, "contrast ratio" and "relative luminance".
 */
export function contrastRatio(first: string, second: string): number {
  const a = luminance(first) + 0.05;
  const b = luminance(second) + 0.05;
  return Math.max(a, b) / Math.min(a, b);
}

function luminance(color: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

/** FNV-1a, 32 bits, with a final mix: short labels differ in few bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
