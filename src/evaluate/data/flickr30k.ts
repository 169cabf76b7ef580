// Flickr30k Entities: captions whose phrases are marked, and the boxes of what
// they speak of, in two folders of files.

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { DOMParser, ParseError, type Element } from "@xmldom/xmldom";
import type { Box } from "../../shared/geometry.ts";
import { dataError } from "./data-error.ts";
import {
  blankItem,
  type EvaluationItem,
  type GroundedCaption,
  type TruePhrase,
} from "./item.ts";
import { linesOf, readText } from "./read-lines.ts";

/** `[/EN#283585/people Two young guys]`: chain, kinds, words. */
const MARKED = /\[\/EN#(\d+)(?:\/[^\s\]]*)?\s+([^\]]*)\]/gu;

/**
 * Reads the folder that holds `Sentences` and `Annotations`. Phrases without a
 * box are left out, as the evaluation has it.
 *
 * @returns the items, and the texts of the files, to be hashed.
 * @throws FlorenceError `invalid_request` with file and line.
 */
export async function readFlickr30k(
  folder: string,
): Promise<{ readonly items: EvaluationItem[]; readonly texts: string[] }> {
  const names = (await readdir(join(folder, "Sentences"))).filter((name) =>
    name.endsWith(".txt"),
  );
  const items: EvaluationItem[] = [];
  const texts: string[] = [];
  for (const name of names.sort()) {
    const id = basename(name, ".txt");
    const sentencesFile = join(folder, "Sentences", name);
    const annotationFile = join(folder, "Annotations", `${id}.xml`);
    const sentences = await readText(sentencesFile);
    const annotation = await readText(annotationFile);
    texts.push(sentences, annotation);
    const { size, boxes } = parseAnnotation(annotation, annotationFile);
    const groundedCaptions = linesOf(sentences).map(({ number, text }) =>
      parseSentence(text, boxes, sentencesFile, number),
    );
    items.push({
      ...blankItem(id, id, size),
      captions: groundedCaptions.map(({ caption }) => caption),
      groundedCaptions: groundedCaptions.filter(
        ({ phrases }) => phrases.length > 0,
      ),
    });
  }
  return { items, texts };
}

/** The photo's size, and the boxes of each chain of phrases. */
function parseAnnotation(
  text: string,
  file: string,
): {
  readonly size: { readonly width: number; readonly height: number };
  readonly boxes: ReadonlyMap<string, readonly Box[]>;
} {
  const root = parseXml(text, file);
  const number = (parent: Element, name: string): number => {
    const [found] = childrenOf(parent, name);
    const value = found?.textContent ?? "";
    if (/^-?\d+$/u.test(value)) return Number(value);
    throw dataError(
      file,
      parent.lineNumber ?? null,
      `<${parent.tagName}> needs <${name}> with a whole number.`,
    );
  };
  const [size] = childrenOf(root, "size");
  if (size === undefined) {
    throw dataError(file, root.lineNumber ?? null, "there is no <size>.");
  }
  const boxes = new Map<string, Box[]>();
  for (const object of childrenOf(root, "object")) {
    const [corners] = childrenOf(object, "bndbox");
    if (corners === undefined) continue;
    const box = {
      x_min: number(corners, "xmin"),
      y_min: number(corners, "ymin"),
      x_max: number(corners, "xmax"),
      y_max: number(corners, "ymax"),
    };
    for (const { textContent } of childrenOf(object, "name")) {
      const chain = textContent ?? "";
      boxes.set(chain, [...(boxes.get(chain) ?? []), box]);
    }
  }
  const [width, height] = [number(size, "width"), number(size, "height")];
  return { size: { width, height }, boxes };
}

function parseXml(text: string, file: string): Element {
  try {
    const parser = new DOMParser({
      onError(_level, message, context: unknown) {
        throw new ParseError(message, locatorOf(context));
      },
    });
    const { documentElement } = parser.parseFromString(text, "text/xml");
    if (documentElement !== null) return documentElement;
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause;
    const line = locatorOf(cause)?.lineNumber ?? null;
    throw dataError(file, line, `this is no XML: ${cause.message}.`, cause);
  }
  throw dataError(file, 1, "this is no XML: it has no element.");
}

/** Where the parser was, if it says so. */
function locatorOf(context: unknown): { lineNumber: number } | undefined {
  if (typeof context !== "object" || context === null) return undefined;
  return "locator" in context
    ? (context.locator as { lineNumber: number } | undefined)
    : undefined;
}

function childrenOf(parent: Element, name: string): Element[] {
  return [...parent.getElementsByTagName(name)].filter(
    (element) => element.parentNode === parent,
  );
}

/** A sentence without its marks, and where its phrases stand in it. */
function parseSentence(
  sentence: string,
  boxes: ReadonlyMap<string, readonly Box[]>,
  file: string,
  line: number,
): GroundedCaption {
  const phrases: TruePhrase[] = [];
  let caption = "";
  let end = 0;
  for (const match of sentence.matchAll(MARKED)) {
    const [whole, chain = "", phrase = ""] = match;
    caption += sentence.slice(end, match.index);
    const span: [number, number] = [caption.length, caption.length + phrase.length]; // prettier-ignore
    caption += phrase;
    end = match.index + whole.length;
    const own = boxes.get(chain);
    if (own !== undefined) phrases.push({ phrase, span, boxes: own });
  }
  caption += sentence.slice(end);
  if (caption.includes("[/EN#")) {
    throw dataError(file, line, "a phrase is opened by [/EN# and not closed.");
  }
  return { caption, phrases };
}
