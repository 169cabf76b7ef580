// Where the file of a photo lies: data sets name it with or without its ending.

import { stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { FlorenceError } from "../../shared/errors.ts";

const ENDINGS = ["", ".jpg", ".jpeg", ".png", ".webp"];

/**
 * The file of an image below a folder.
 *
 * @throws FlorenceError `not_found`; `invalid_request` for a name that leads
 *   out of the folder.
 */
export async function findPhoto(
  folder: string,
  image: string,
): Promise<string> {
  const root = resolve(folder);
  if (!resolve(root, image).startsWith(root + sep)) {
    throw new FlorenceError(
      "invalid_request",
      `The image ${image} is not below the folder of photos.`,
    );
  }
  for (const ending of ENDINGS) {
    const path = join(root, image + ending);
    const info = await stat(path).catch(() => null);
    if (info?.isFile() === true) return path;
  }
  throw new FlorenceError(
    "not_found",
    `There is no ${image} below ${folder}. Check --images.`,
  );
}
