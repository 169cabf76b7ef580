// A photo of a folder: its file, its pixels, its facts.

import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join, relative, sep } from "node:path";
import { FlorenceError } from "../../shared/errors.ts";
import {
  decodeImage,
  type ImageCodecs,
} from "../../shared/image/decode-image.ts";
import type { RgbImage } from "../../shared/image/rgb-image.ts";
import type { PhotoFacts } from "../records/record.ts";
import { differenceHash } from "./difference-hash.ts";

/** A photo that was read. */
export interface Photo {
  readonly facts: PhotoFacts;
  /** The file as it is. */
  readonly bytes: Uint8Array;
  /** Upright, at full size: boxes refer to it. */
  readonly image: RgbImage;
}

const EXTENSIONS = new Set([".jpg", ".jpeg", ".png", ".webp"]);

/**
 * Paths of all photos below a folder, with `/` between, by name.
 *
 * @throws FlorenceError `not_found` if the folder cannot be read or holds none.
 */
export async function listPhotos(folder: string): Promise<string[]> {
  const entries = await readdir(folder, {
    recursive: true,
    withFileTypes: true,
  }).catch((cause: unknown) => {
    throw new FlorenceError(
      "not_found",
      `Cannot read the folder ${folder}. Name a folder of photos.`,
      { cause },
    );
  });
  const paths = entries
    .filter(
      (entry) =>
        entry.isFile() &&
        !entry.name.startsWith(".") &&
        EXTENSIONS.has(extname(entry.name).toLowerCase()),
    )
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .map((path) => path.split(sep).join("/"))
    .sort();
  if (paths.length > 0) return paths;
  throw new FlorenceError(
    "not_found",
    `${folder} holds no photo (${[...EXTENSIONS].join(", ")}).`,
  );
}

/**
 * Reads and decodes one photo.
 *
 * @param path below `folder`, as `listPhotos` gives it.
 * @throws FlorenceError `not_found`, or what `decodeImage` throws.
 */
export async function readPhoto(
  folder: string,
  path: string,
  codecs: ImageCodecs,
): Promise<Photo> {
  const file = join(folder, path);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new FlorenceError("not_found", `Cannot read ${file}.`, { cause });
  });
  const { image, size } = await decodeImage(bytes, codecs);
  return {
    facts: {
      path,
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      ...size,
      dhash: differenceHash(image),
    },
    bytes,
    image,
  };
}
