// The color of a thing in a word, where it has one.

/** The basic color terms of English (B. Berlin and P. Kay, 1969). */
export type ColorName =
  | "black"
  | "gray"
  | "white"
  | "red"
  | "orange"
  | "brown"
  | "yellow"
  | "green"
  | "blue"
  | "purple"
  | "pink";

/** A color that covers less of a thing is not its color. */
const MIN_SHARE = 0.6;

/**
 * The color of most pixels; null for a thing of many colors.
 *
 * @param pixels R G B of each.
 */
export function colorOf(
  pixels: readonly (readonly [number, number, number])[],
): ColorName | null {
  const counts = new Map<ColorName, number>();
  for (const pixel of pixels) {
    const name = colorNameOf(pixel);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  if (best === undefined || best[1] < MIN_SHARE * pixels.length) return null;
  return best[0];
}

/** The term of one color, by its hue, saturation and value. */
export function colorNameOf([red, green, blue]: readonly [
  number,
  number,
  number,
]): ColorName {
  const value = Math.max(red, green, blue) / 255;
  const chroma = value - Math.min(red, green, blue) / 255;
  const saturation = value === 0 ? 0 : chroma / value;
  if (value < 0.2) return "black";
  if (saturation < 0.18) return value > 0.8 ? "white" : "gray";
  const hue = hueOf(red / 255, green / 255, blue / 255, value, chroma);
  if (hue < 15 || hue >= 345)
    return value < 0.45 ? "brown" : isPale(saturation, value) ? "pink" : "red";
  if (hue < 42) return value < 0.65 || saturation < 0.5 ? "brown" : "orange";
  if (hue < 70) return value < 0.4 ? "brown" : "yellow";
  if (hue < 170) return "green";
  if (hue < 260) return "blue";
  if (hue < 300) return "purple";
  return isPale(saturation, value) || value > 0.7 ? "pink" : "purple";
}

function isPale(saturation: number, value: number): boolean {
  return saturation < 0.5 && value > 0.7;
}

/** 0 to 360 degrees. */
function hueOf(
  red: number,
  green: number,
  blue: number,
  value: number,
  chroma: number,
): number {
  const sextant =
    value === red
      ? (green - blue) / chroma
      : value === green
        ? (blue - red) / chroma + 2
        : (red - green) / chroma + 4;
  return (sextant * 60 + 360) % 360;
}
