// The one Exif tag that moves pixels. Exif is a TIFF file inside the image
// (Exif 2.32, section 4.6.4: tag 0x0112 in the first directory).

/**
 * How the stored pixels must be turned to be upright, as Exif numbers it:
 * 1 as they are, 2 mirrored, 3 half a turn, 4 flipped, 5 transposed,
 * 6 a quarter clockwise, 7 transversed, 8 a quarter counterclockwise.
 */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const TAG_ORIENTATION = 0x0112;

/**
 * Reads the orientation of an Exif block.
 *
 * Never throws: a block that cannot be read says nothing, so the answer is 1.
 *
 * @param block the TIFF structure, with or without `Exif\0\0` before it.
 */
export function readExifOrientation(block: Uint8Array): Orientation {
  const hasPrefix = block[0] === 0x45 && block[1] === 0x78 && block[4] === 0;
  const tiff = hasPrefix ? block.subarray(6) : block;
  if (tiff.length < 14) return 1;

  const little = tiff[0] === 0x49 && tiff[1] === 0x49;
  if (!little && !(tiff[0] === 0x4d && tiff[1] === 0x4d)) return 1;
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  if (view.getUint16(2, little) !== 42) return 1;

  const directory = view.getUint32(4, little);
  if (directory + 2 > tiff.length) return 1;
  const entries = view.getUint16(directory, little);
  for (let index = 0; index < entries; index += 1) {
    const entry = directory + 2 + 12 * index;
    if (entry + 12 > tiff.length) return 1;
    if (view.getUint16(entry, little) !== TAG_ORIENTATION) continue;
    const type = view.getUint16(entry + 2, little);
    // SHORT by the standard; some writers use LONG.
    const value =
      type === 4
        ? view.getUint32(entry + 8, little)
        : view.getUint16(entry + 8, little);
    return value >= 1 && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}
