// Segments in their places in the arena.

import type { BundleSource } from "../bundle-source.ts";
import type { Arena } from "./arena.ts";
import type { Segment } from "./segments.ts";
import { loadFile, type Placement } from "./weights.ts";

/** A segment's place in the arena. */
export interface Placed {
  readonly segment: Segment;
  readonly at: number;
  readonly end: number;
}

/** Where a place in the weights is, if its segment has one; else 0. */
export function placeOf(all: readonly Placed[]): Placement {
  return (offset) => {
    for (const { segment, at } of all) {
      const within = offset - segment.offset;
      if (within >= 0 && within < segment.bytes) return at + within;
    }
    // Plans ask for shapes of what is elsewhere, too.
    return 0;
  };
}

/** Reads a segment's files, one after another, to its place. */
export async function readSegment(
  { segment, at }: Placed,
  bundle: BundleSource,
  arena: Arena,
): Promise<void> {
  let next = at;
  for (const file of segment.files) {
    await loadFile(file, bundle, arena, next);
    next += file.bytes;
  }
}
