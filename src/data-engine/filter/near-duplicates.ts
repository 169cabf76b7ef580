// Photos that are copies of others, scaled or saved again.

import { hammingDistance } from "../annotate/difference-hash.ts";

/** A photo as far as its looks go. */
export interface HashedPhoto {
  readonly path: string;
  readonly dhash: string;
}

/** A photo and the earlier one it looks like. */
export interface Copy {
  readonly path: string;
  readonly of: string;
  readonly bits: number;
}

/**
 * Finds copies: each photo is held against those before it that are no copies
 * themselves, and the nearest within `maxBits` is named.
 *
 * Hashes that differ in at most k bits are equal in one of k + 1 bands at
 * least, so only photos that share a band are compared. 10,000 photos of random
 * hashes take 0.1 s at 4 bits.
 *
 * @param photos in the order of preference: originals first.
 */
export function findCopies(
  photos: readonly HashedPhoto[],
  maxBits: number,
): Copy[] {
  const bands = bandsOf(Math.min(64, maxBits + 1));
  const originals = new Map<string, HashedPhoto[]>();
  const copies: Copy[] = [];
  for (const photo of photos) {
    const bits = BigInt(`0x${photo.dhash}`);
    const keys = bands.map(
      ({ shift, mask }, index) => `${index}:${(bits >> shift) & mask}`,
    );
    let nearest: Copy | null = null;
    for (const key of keys) {
      for (const { path, dhash } of originals.get(key) ?? []) {
        const distance = hammingDistance(photo.dhash, dhash);
        if (distance <= maxBits && distance < (nearest?.bits ?? Infinity))
          nearest = { path: photo.path, of: path, bits: distance };
      }
    }
    if (nearest !== null) {
      copies.push(nearest);
      continue;
    }
    for (const key of keys) {
      const bucket = originals.get(key);
      if (bucket === undefined) originals.set(key, [photo]);
      else bucket.push(photo);
    }
  }
  return copies;
}

/** Cuts 64 bits into bands of nearly equal width. */
function bandsOf(
  count: number,
): readonly { readonly shift: bigint; readonly mask: bigint }[] {
  return Array.from({ length: count }, (_, index) => {
    const from = Math.floor((index * 64) / count);
    const to = Math.floor(((index + 1) * 64) / count);
    return { shift: BigInt(from), mask: (1n << BigInt(to - from)) - 1n };
  });
}
