// A PNG's row filters (PNG specification, third edition, section 9).

import { undecodable } from "./image-header.ts";

/**
 * Undoes a row's filter in place.
 *
 * @param filter the byte before the row, 0 to 4.
 * @param above the row before it, unfiltered; zeros for the first one.
 * @param step bytes from one pixel to the next, at least 1.
 * @throws FlorenceError `image_undecodable` for any other filter.
 */
export function unfilterPngRow(
  filter: number,
  row: Uint8Array,
  above: Uint8Array,
  step: number,
): void {
  const { length } = row;
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let at = step; at < length; at += 1)
        row[at] = row[at]! + row[at - step]!;
      return;
    case 2:
      for (let at = 0; at < length; at += 1) row[at] = row[at]! + above[at]!;
      return;
    case 3:
      for (let at = 0; at < length; at += 1) {
        const left = at < step ? 0 : row[at - step]!;
        row[at] = row[at]! + ((left + above[at]!) >> 1);
      }
      return;
    case 4:
      for (let at = 0; at < length; at += 1) {
        const left = at < step ? 0 : row[at - step]!;
        const corner = at < step ? 0 : above[at - step]!;
        row[at] = row[at]! + paeth(left, above[at]!, corner);
      }
      return;
    default:
      throw undecodable("PNG", `is damaged (row filter ${filter})`);
  }
}

/** The neighbor nearest to left + above - corner (section 9.4). */
function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}
