// Pages of rendered text, with the exact corners of each line.

import { readFile } from "node:fs/promises";
import { FlorenceError } from "../../shared/errors.ts";
import { makePictures, type MakeOptions } from "./make-pictures.ts";

export interface RenderTextOptions extends MakeOptions {
  /** File of texts, one a line. */
  readonly texts: string;
  /** Font files; Roboto in six styles if empty. */
  readonly fonts: readonly string[];
}

/** What every thread is given. */
export interface RenderTextSettings {
  readonly texts: readonly string[];
  readonly fonts: readonly string[];
  readonly out: string;
  readonly seed: number;
  readonly size: { readonly width: number; readonly height: number };
}

/** Scripts that Roboto has the letters of. */
const ROBOTO_LETTERS =
  /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{Script=Common}]+$/u;

/** Longer texts fit no page. */
const MAX_LENGTH = 60;

/**
 * Makes pages of text and their records.
 *
 * @returns pages made in this run.
 * @throws FlorenceError `not_found` for a missing file; `invalid_request` for
 *   texts that are too long or that Roboto has no letters for.
 */
export async function renderText(options: RenderTextOptions): Promise<number> {
  const { fonts, out, seed } = options;
  const texts = await readTexts(options.texts, fonts.length === 0);
  const size = { width: 640, height: 480 };
  const settings: RenderTextSettings = { texts, fonts, out, seed, size };
  const script = new URL("render-text-thread.ts", import.meta.url);
  return await makePictures(script, settings, options);
}

async function readTexts(path: string, isRoboto: boolean): Promise<string[]> {
  const file = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new FlorenceError("not_found", `There are no texts at ${path}.`, {
      cause,
    });
  });
  const refuse = (index: number, why: string): never => {
    throw new FlorenceError(
      "invalid_request",
      `${path}, line ${index + 1}: ${why}`,
    );
  };
  const texts = file.split("\n").flatMap((line, index) => {
    const text = line.trim();
    if (text === "") return [];
    if (text.length > MAX_LENGTH)
      refuse(index, `${text.length} characters; at most ${MAX_LENGTH}.`);
    if (isRoboto && !ROBOTO_LETTERS.test(text))
      refuse(
        index,
        "Roboto has not all of these letters. Name a font that has, with --font.",
      );
    return [text];
  });
  if (texts.length > 0) return texts;
  throw new FlorenceError("invalid_request", `${path} holds no text.`);
}
