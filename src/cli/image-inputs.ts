// The arguments of `analyze`: files, folders, URLs and standard input.

import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { FlorenceError } from "../shared/errors.ts";
import { DEFAULT_IMAGE_LIMITS } from "../shared/image/image-limits.ts";
import { fetchImage, withoutSecrets } from "./fetch-image.ts";
import type { CliIo } from "./io.ts";
import { readCapped } from "./read-capped.ts";
import { usageError } from "./usage-error.ts";

/** One image to come. */
export interface ImageInput {
  /** As the caller wrote it, or the file's path in a folder. */
  readonly source: string;
  /** A name for files made from it, without folder and extension. */
  readonly name: string;
  /** @throws FlorenceError what keeps it from being read. */
  read(): Promise<Uint8Array>;
}

/** What is taken from a folder; a file named outright may be called anything. */
const EXTENSIONS = new Set([".jpg", ".jpeg", ".png", ".webp"]);

const { maxBytes } = DEFAULT_IMAGE_LIMITS;

/**
 * The images that arguments stand for, folders opened to any depth, in the
 * order given and by name within a folder.
 *
 * What does not exist is an input that fails when read, so that the others are
 * done.
 *
 * @throws FlorenceError `invalid_request` if there are none.
 */
export async function listImageInputs(
  args: readonly string[],
  io: CliIo,
): Promise<ImageInput[]> {
  if (args.length === 0)
    throw usageError(
      "No image is given. Name files, folders or URLs, or - for standard input.",
      "analyze",
    );
  if (args.filter((argument) => argument === "-").length > 1)
    throw usageError("Standard input (-) can be read once.", "analyze");
  const inputs: ImageInput[] = [];
  for (const argument of args) inputs.push(...(await inputsOf(argument, io)));
  return inputs;
}

async function inputsOf(argument: string, io: CliIo): Promise<ImageInput[]> {
  if (argument === "-")
    return [
      {
        source: "-",
        name: "stdin",
        read: () => readCapped(io.stdin, maxBytes, "Standard input"),
      },
    ];
  if (/^https?:\/\//iu.test(argument))
    return [
      {
        source: argument,
        name: nameOf(withoutSecrets(argument)),
        read: () => fetchImage(argument, maxBytes, io.signal),
      },
    ];
  const info = await stat(argument).catch(() => null);
  if (info?.isDirectory() !== true) return [fileInput(argument)];
  const found = await filesIn(argument);
  return found.length > 0 ? found.map(fileInput) : [emptyFolder(argument)];
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, {
    recursive: true,
    withFileTypes: true,
  });
  return entries
    .filter(
      (entry) =>
        !entry.isDirectory() &&
        !entry.name.startsWith(".") &&
        EXTENSIONS.has(extname(entry.name).toLowerCase()),
    )
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function fileInput(path: string): ImageInput {
  return {
    source: path,
    name: nameOf(path),
    async read() {
      const info = await stat(path).catch(() => null);
      if (info === null)
        throw new FlorenceError(
          "not_found",
          `There is no file ${path}. Check the path.`,
        );
      if (info.size > maxBytes)
        throw new FlorenceError(
          "image_too_large",
          `${path} has ${(info.size / 1e6).toFixed(1)} MB; the limit is ${maxBytes / 1e6} MB. Resize the image.`,
        );
      try {
        return new Uint8Array(await readFile(path));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        throw new FlorenceError(
          "not_found",
          `Cannot read ${path}: ${reason}.`,
          {
            cause,
          },
        );
      }
    },
  };
}

function emptyFolder(folder: string): ImageInput {
  const list = [...EXTENSIONS].join(", ");
  return {
    source: folder,
    name: nameOf(folder),
    read: () =>
      Promise.reject(
        new FlorenceError("not_found", `${folder} holds no image (${list}).`),
      ),
  };
}

function nameOf(path: string): string {
  const name = basename(path, extname(path));
  return name === "" ? "image" : name;
}
