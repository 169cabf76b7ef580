// Masks as run lengths, the way COCO stores them: pixels column by column, a
// run of 0 first, then runs of 1 and 0 in turn.

/** A mask of an image. */
export interface Mask {
  readonly width: number;
  readonly height: number;
  /** Lengths of the runs; they add up to all pixels. */
  readonly counts: readonly number[];
}

/** Pixels in a mask. */
export function maskArea({ counts }: Mask): number {
  let area = 0;
  for (let run = 1; run < counts.length; run += 2) area += counts[run]!;
  return area;
}

/** Pixels in both of two masks of one image. */
export function maskIntersection(a: Mask, b: Mask): number {
  let area = 0;
  walkRuns([a, b], (length, set) => {
    if (set === 2) area += length;
  });
  return area;
}

/**
 * Pixels in any of some masks of one image.
 *
 * @param masks at least one.
 */
export function mergeMasks(masks: readonly [Mask, ...Mask[]]): Mask {
  if (masks.length === 1) return masks[0];
  const { width, height } = masks[0];
  const counts = [0];
  walkRuns(masks, (length, set) => {
    const value = set > 0 ? 1 : 0;
    // Runs at even places are of 0.
    const last = counts.length - 1;
    if (last % 2 === value) {
      counts[last] = counts[last]! + length;
    } else counts.push(length);
  });
  return { width, height, counts };
}

/**
 * Reads COCO's compressed run lengths: six bits a character, five of them of
 * the number, from the third run on its difference to the run before last.
 *
 * @returns null if the runs do not add up to the image.
 * Source: the string form of `pycocotools.mask`, common/maskApi.c.
 */
export function decodeRuns(
  text: string,
  width: number,
  height: number,
): Mask | null {
  const counts: number[] = [];
  let at = 0;
  while (at < text.length) {
    let value = 0;
    let shift = 0;
    let bits: number;
    do {
      bits = text.charCodeAt(at) - 48;
      if (Number.isNaN(bits) || bits < 0 || bits > 63) return null;
      at += 1;
      value |= (bits & 0x1f) << shift;
      shift += 5;
    } while ((bits & 0x20) !== 0);
    if ((bits & 0x10) !== 0 && shift < 32) value |= -1 << shift;
    if (counts.length > 2) value += counts[counts.length - 2]!;
    if (value < 0) return null;
    counts.push(value);
  }
  return maskOfRuns(counts, width, height);
}

/** Run lengths as a mask; null if they do not add up to the image. */
export function maskOfRuns(
  counts: readonly number[],
  width: number,
  height: number,
): Mask | null {
  const sum = counts.reduce((total, count) => total + count, 0);
  return sum === width * height ? { width, height, counts } : null;
}

/** Goes through the runs of several masks at once, cut where any of them changes. */
function walkRuns(
  masks: readonly Mask[],
  visit: (length: number, set: number) => void,
): void {
  const runs = masks.map(() => 0);
  const left = masks.map(({ counts }) => counts[0] ?? 0);
  const pixels = masks[0]!.width * masks[0]!.height;
  let seen = 0;
  while (seen < pixels) {
    let set = 0;
    let length = pixels - seen;
    for (const [index, { counts }] of masks.entries()) {
      while (left[index] === 0 && runs[index]! < counts.length) {
        runs[index] = runs[index]! + 1;
        left[index] = counts[runs[index]] ?? 0;
      }
      // Past its last run a mask has nothing.
      if (runs[index]! >= counts.length) continue;
      set += runs[index]! % 2;
      length = Math.min(length, left[index]!);
    }
    visit(length, set);
    for (const index of masks.keys()) left[index] = left[index]! - length;
    seen += length;
  }
}
