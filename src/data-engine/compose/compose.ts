// Composites: things cut out of photos, pasted on backgrounds, with exact boxes,
// polygons, captions and phrases.

import { FlorenceError } from "../../shared/errors.ts";
import { listPhotos } from "../annotate/read-photo.ts";
import { readRecords } from "../records/read-records.ts";
import { listCutOuts, type CutOutSource } from "./cut-out.ts";
import { makePictures, type MakeOptions } from "./make-pictures.ts";

export interface ComposeOptions extends MakeOptions {
  /** JSONL of `filter` or `refine`; objects with polygons are cut out. */
  readonly records: string;
  /** Folder of the photos the records speak of. */
  readonly photos: string;
  /** Folder of photos to paste on. What they show themselves, no text tells. */
  readonly backgrounds: string;
}

/** What every thread is given. */
export interface ComposeSettings {
  readonly photos: string;
  readonly backgrounds: string;
  readonly backgroundPaths: readonly string[];
  readonly cutOuts: readonly CutOutSource[];
  readonly out: string;
  readonly seed: number;
  readonly size: { readonly width: number; readonly height: number };
}

/**
 * Makes composites and their records.
 *
 * @returns composites made in this run.
 * @throws FlorenceError `invalid_request` if the records have no outline to cut
 *   along, and what `makePictures` throws.
 */
export async function compose(options: ComposeOptions): Promise<number> {
  const { records, photos, backgrounds, out, seed } = options;
  const cutOuts = listCutOuts(await readRecords(records));
  if (cutOuts.length === 0) {
    throw new FlorenceError(
      "invalid_request",
      `${records} has no object with an outline that is whole and 48 pixels long. Annotate with a matte (--specialist matte), or with labels that have polygons.`,
    );
  }
  const settings: ComposeSettings = {
    ...{ photos, backgrounds, cutOuts, out, seed },
    backgroundPaths: await listPhotos(backgrounds),
    size: { width: 512, height: 384 },
  };
  const script = new URL("compose-thread.ts", import.meta.url);
  return await makePictures(script, settings, options);
}
