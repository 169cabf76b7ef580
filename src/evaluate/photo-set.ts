// The photos the quality floors are measured on, as `test/data/photos` has
// them: `photos.jsonl`, and `<key>.webp` beside it.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { Box } from "../shared/geometry.ts";

const Photo = v.object({
  key: v.string(),
  /** Readable names, most specific first; for box sets the boxes' labels. */
  labels: v.optional(v.array(v.string()), []),
  /** Corners as fractions of width and height. */
  boxes: v.optional(
    v.array(
      v.object({
        label: v.string(),
        x0: v.number(),
        y0: v.number(),
        x1: v.number(),
        y1: v.number(),
      }),
    ),
    [],
  ),
  captions: v.optional(v.array(v.string()), []),
  sets: v.array(v.picklist(["noun", "boxes", "captions"])),
});

/** A photo and what people said of it. */
export type Photo = v.InferOutput<typeof Photo>;

/** Names accepted for a label, besides the label itself. */
export type Synonyms = Readonly<Record<string, readonly string[]>>;

/** Reads `photos.jsonl` of a folder. */
export async function readPhotos(folder: string): Promise<readonly Photo[]> {
  const lines = await readFile(join(folder, "photos.jsonl"), "utf8");
  return lines
    .trimEnd()
    .split("\n")
    .map((line) => v.parse(Photo, JSON.parse(line)));
}

/** Reads the list of accepted names. */
export async function readSynonyms(file: string): Promise<Synonyms> {
  const list = v.record(v.string(), v.array(v.string()));
  return v.parse(list, JSON.parse(await readFile(file, "utf8")));
}

/** The file of a photo, a WebP. */
export async function readPhotoBytes(
  folder: string,
  photo: Photo,
): Promise<Uint8Array> {
  return await readFile(join(folder, `${photo.key}.webp`));
}

/** The people's boxes, 0 to 1 on each axis. */
export function trueBoxes(photo: Photo): readonly LabeledBox[] {
  return photo.boxes.map(({ label, x0, y0, x1, y1 }) => ({
    label,
    box: { x_min: x0, y_min: y0, x_max: x1, y_max: y1 },
  }));
}

/** A box and the name of what it holds. */
export interface LabeledBox {
  readonly label: string;
  readonly box: Box;
}
