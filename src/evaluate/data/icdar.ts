// ICDAR's text files, SROIE's too: one file a photo, one line of writing a line.

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Point } from "../../shared/geometry.ts";
import { dataError } from "./data-error.ts";
import { blankItem, type EvaluationItem } from "./item.ts";
import { linesOf, readText } from "./read-lines.ts";

/** Stands for writing that nobody can read. */
const UNREADABLE = "###";

/** `x1,y1,x2,y2,x3,y3,x4,y4,text`: the text may hold commas. */
const LINE = /^((?:\s*-?\d+(?:\.\d+)?\s*,){8})(.*)$/u;

/**
 * Reads a folder of such files; `gt_img_1.txt` belongs to the photo `img_1`.
 *
 * @returns the items, and the texts of the files, to be hashed.
 * @throws FlorenceError `invalid_request` with file and line.
 */
export async function readIcdar(
  folder: string,
): Promise<{ readonly items: EvaluationItem[]; readonly texts: string[] }> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".txt"));
  const items: EvaluationItem[] = [];
  const texts: string[] = [];
  for (const name of names.sort()) {
    const file = join(folder, name);
    const text = await readText(file);
    texts.push(text);
    items.push(parseIcdar(text, file));
  }
  return { items, texts };
}

/** One file. */
export function parseIcdar(text: string, file: string): EvaluationItem {
  const image = basename(file, ".txt").replace(/^gt_/u, "");
  const lines = linesOf(text).map(({ number, text: line }) => {
    const match = LINE.exec(line);
    if (match === null) {
      throw dataError(
        file,
        number,
        `a line is x1,y1,x2,y2,x3,y3,x4,y4,text; this is ${JSON.stringify(line.slice(0, 60))}.`,
      );
    }
    const [, corners = "", written = ""] = match;
    const numbers = corners.split(",").slice(0, 8).map(Number);
    const quad = [0, 2, 4, 6].map((at): Point => [numbers[at]!, numbers[at + 1]!]); // prettier-ignore
    return { text: written, quad, isIgnored: written.trim() === UNREADABLE };
  });
  return { ...blankItem(image, image, null), lines };
}
