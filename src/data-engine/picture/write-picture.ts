// A made picture as a photo of a folder.

import { createHash } from "node:crypto";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FlorenceError } from "../../shared/errors.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import { differenceHash } from "../annotate/difference-hash.ts";
import type { PhotoFacts } from "../records/record.ts";
import { encodeWebp } from "./encode-webp.ts";

/** Edges of pasted things and letters stay clean, at half the bytes of 90. */
const QUALITY = 85;

/**
 * Writes a picture as WebP; it is there whole or not at all.
 *
 * @throws FlorenceError `not_found` if it cannot be written.
 */
export async function writePicture(
  folder: string,
  name: string,
  image: RgbImage,
): Promise<PhotoFacts> {
  const bytes = await encodeWebp(image, QUALITY);
  const path = join(folder, name);
  try {
    await writeFile(`${path}.part`, bytes);
    await rename(`${path}.part`, path);
  } catch (cause) {
    throw new FlorenceError("not_found", `Cannot write ${path}.`, { cause });
  }
  return {
    path: name,
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    width: image.width,
    height: image.height,
    dhash: differenceHash(image),
  };
}
