// One photo, read once, through all specialists whose word is missing.

import { isFlorenceError } from "../../shared/errors.ts";
import type { ImageCodecs } from "../../shared/image/decode-image.ts";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Annotation, PhotoRecord } from "../records/record.ts";
import type { Specialist } from "../specialists/specialist.ts";
import type { Assignment } from "./crew.ts";
import { readPhoto, type Photo } from "./read-photo.ts";

/**
 * A record for each pending specialist, in the order they stand; one alone for
 * a photo that cannot be read. A specialist that fails on the photo has its
 * problem in its record.
 */
export async function annotatePhoto(
  folder: string,
  { path, pending, known }: Assignment,
  specialists: readonly Specialist[],
  codecs: ImageCodecs,
): Promise<PhotoRecord[]> {
  let photo: Photo;
  try {
    photo = await readPhoto(folder, path, codecs);
  } catch (error) {
    const info = await stat(join(folder, path)).catch(() => null);
    return [
      { photo: { path, bytes: info?.size ?? 0 }, problem: problemOf(error) },
    ];
  }
  const records: PhotoRecord[] = [];
  const said: Annotation[] = [...known];
  for (const specialist of specialists) {
    const by = specialist.source;
    if (!pending.includes(by.id)) continue;
    const { facts } = photo;
    try {
      const { annotations, split } = await specialist.annotate(photo, said);
      said.push(...annotations);
      records.push({
        photo: facts,
        ...(split !== undefined && { split }),
        by,
        annotations: [...annotations],
      });
    } catch (error) {
      records.push({
        photo: facts,
        by,
        annotations: [],
        problem: problemOf(error),
      });
    }
  }
  return records;
}

/** Bugs of ours are no fact about a photo: they end the run. */
function problemOf(error: unknown): NonNullable<PhotoRecord["problem"]> {
  if (!isFlorenceError(error)) throw error;
  return { code: error.code, detail: error.message };
}
