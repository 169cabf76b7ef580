// The answer as the native reference gives it, oddities included: what it takes
// for labels, loses at line breaks, and cuts to integers. For comparison with
// it; everything else of ours reads ids.
//
// Facts from `processing_florence2.py` of huggingface/transformers (class
// Florence2PostProcessor). Regexes over model text stand here because the
// reference's are what is to be matched; they keep Python's meaning of `.`,
// `$`, `\s`, `\d` and `strip`.

import { BINS, type ImageSize } from "../geometry.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { GENERIC_PHRASES } from "./generic-phrases.ts";

/** What the reference's `post_process_generation` has under a task's token. */
export type ReferenceAnswer =
  | string
  | { readonly bboxes: number[][]; readonly labels: string[] }
  | { readonly quad_boxes: number[][]; readonly labels: string[] }
  | { readonly polygons: number[][][]; readonly labels: string[] }
  | {
      readonly bboxes: number[][];
      readonly bboxes_labels: string[];
      readonly polygons: number[][][];
      readonly polygons_labels: string[];
    };

type Parse = (text: string, size: ImageSize) => ReferenceAnswer;

/** How each task's answer is read; any other token's is plain text. */
const PARSERS: ReadonlyMap<string, Parse> = new Map<string, Parse>([
  ["<OCR_WITH_REGION>", parseOcr],
  ["<OD>", parseDetection],
  ["<DENSE_REGION_CAPTION>", parseDetection],
  ["<CAPTION_TO_PHRASE_GROUNDING>", parseGrounding],
  ["<REFERRING_EXPRESSION_SEGMENTATION>", parseSegmentation],
  ["<REGION_TO_SEGMENTATION>", parseSegmentation],
  ["<OPEN_VOCABULARY_DETECTION>", parseOpen],
  ["<REGION_PROPOSAL>", parseProposals],
]);

/**
 * Reads an answer as the reference does.
 *
 * @param token Florence-2's own name of the task, e.g. `<OD>`.
 * @param size the image's, in pixels; coordinates are truncated to integers.
 */
export function parseReference(
  token: string,
  ids: readonly number[],
  tokenizer: Tokenizer,
  size: ImageSize,
): ReferenceAnswer {
  const text = tokenizer.decode(ids);
  const parse = PARSERS.get(token);
  if (parse !== undefined) return parse(withoutFraming(text), size);
  // Plain text keeps its pads, as in the reference.
  return strip(text.replaceAll("<s>", "").replaceAll("</s>", ""));
}

const SPACE =
  "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const LOCATION = "<loc_\\p{Nd}+>";
const UNIT = `(?:${LOCATION}|<sep>|<poly>|</poly>)`;
const LABEL_END = "<od>|</od>|<box>|</box>|<bbox>|</bbox>|<loc_";

const pattern = (source: string): RegExp => new RegExp(source, "gu");

const LABELED_BOXES = pattern(`[^<]+(?:${LOCATION}){4,}`);
const BARE_BOXES = pattern(`(?:${LOCATION}){4,}`);
const LABELED_POLYGONS = pattern(`[^<]+${UNIT}{4,}`);
const BARE_POLYGONS = pattern(`${UNIT}{4,}`);
const BOX = pattern(`${LOCATION}${LOCATION}${LOCATION}${LOCATION}`);
const BIN = pattern("<loc_(\\p{Nd}+)>");
const QUAD = pattern(`([^\\n]+?)((?:${LOCATION}){8})`);
const BOX_LABEL = new RegExp(`^${SPACE}*[^\\n]*?(?=${LABEL_END})`, "u");
const POLYGON_LABEL = new RegExp(
  `^${SPACE}*[^\\n]*?(?=${LABEL_END}|<poly>)`,
  "u",
);
const INSTANCE = pattern("<poly>([^\\n]*?)</poly>");
/** Python's `$` also stands before a line break that ends the text. */
const RING = pattern(`((?:${LOCATION})+)(?:<sep>|(?=\\n?$))`);
const OUTER_SPACE = pattern(`^${SPACE}+|${SPACE}+$`);

interface LabeledBoxes {
  /** As compared with the list of generic phrases. */
  readonly phrase: string;
  /** As given out: characters outside ASCII are deleted. */
  readonly label: string;
  readonly boxes: number[][];
}

function findBoxes(
  text: string,
  size: ImageSize,
  phrases: RegExp,
): LabeledBoxes[] {
  return allMatches(text, phrases).flatMap((phraseText) => {
    const label = BOX_LABEL.exec(phraseText);
    if (label === null) return [];
    const phrase = strip(label[0]);
    const boxes = allMatches(phraseText, BOX).map((box) =>
      coordinates(box, size),
    );

    return [{ phrase, label: phrase.replace(/[^\x00-\x7f]/gu, ""), boxes }];
  });
}

function parseDetection(text: string, size: ImageSize): ReferenceAnswer {
  return flatten(findBoxes(text, size, LABELED_BOXES));
}

function parseProposals(text: string, size: ImageSize): ReferenceAnswer {
  return flatten(findBoxes(text, size, BARE_BOXES));
}

function parseGrounding(text: string, size: ImageSize): ReferenceAnswer {
  const found = findBoxes(text, size, LABELED_BOXES);
  return flatten(found.filter(({ phrase }) => !GENERIC_PHRASES.has(phrase)));
}

function flatten(found: readonly LabeledBoxes[]): {
  bboxes: number[][];
  labels: string[];
} {
  return {
    bboxes: found.flatMap(({ boxes }) => boxes),
    labels: found.flatMap(({ label, boxes }) => boxes.map(() => label)),
  };
}

function parseOcr(text: string, size: ImageSize): ReferenceAnswer {
  const lines = [...text.matchAll(QUAD)];
  return {
    quad_boxes: lines.map(([, , quad]) => coordinates(quad ?? "", size)),
    labels: lines.map(([, content]) => strip(content ?? "")),
  };
}

interface LabeledPolygons {
  readonly label: string;
  /** The rings of one object. */
  readonly rings: number[][];
}

function findPolygons(
  text: string,
  size: ImageSize,
  phrases: RegExp,
): LabeledPolygons[] {
  return allMatches(text, phrases).flatMap((phraseText) => {
    const shortened = phraseText.replace(/^<loc_\p{Nd}+>/u, "");
    if (shortened === "" && phrases === LABELED_POLYGONS) return [];
    const label = POLYGON_LABEL.exec(shortened);
    if (label === null) return [];
    const isWrapped =
      phraseText.includes("<poly>") && phraseText.includes("</poly>");
    const instances = isWrapped
      ? [...phraseText.matchAll(INSTANCE)].map((match) => match[1] ?? "")
      : [phraseText];
    return instances
      .map((instance) => ringsOf(instance, size))
      .filter((rings) => rings.length > 0)
      .map((rings) => ({ label: strip(label[0]), rings }));
  });
}

function ringsOf(instance: string, size: ImageSize): number[][] {
  return [...instance.matchAll(RING)].map((match) => {
    const ring = coordinates(match[1] ?? "", size);
    return ring.slice(0, ring.length - (ring.length % 2));
  });
}

function parseSegmentation(text: string, size: ImageSize): ReferenceAnswer {
  const found = findPolygons(text, size, BARE_POLYGONS);
  return {
    polygons: found.map(({ rings }) => rings),
    labels: found.map(({ label }) => label),
  };
}

function parseOpen(text: string, size: ImageSize): ReferenceAnswer {
  const hasPolygons = text.includes("<poly>");
  const boxes = flatten(
    hasPolygons ? [] : findBoxes(text, size, LABELED_BOXES),
  );
  const polygons = hasPolygons
    ? findPolygons(text, size, LABELED_POLYGONS)
    : [];
  return {
    bboxes: boxes.bboxes,
    bboxes_labels: boxes.labels,
    polygons: polygons.map(({ rings }) => rings),
    polygons_labels: polygons.map(({ label }) => label),
  };
}

/** All bins of a run, x and y in turn, as truncated pixels. */
function coordinates(text: string, { width, height }: ImageSize): number[] {
  return [...text.matchAll(BIN)].map((match, index) => {
    const bin = parseDigits(match[1] ?? "");
    const side = index % 2 === 0 ? width : height;
    return Math.trunc(((bin + 0.5) * side) / BINS);
  });
}

/** Python's `int`: decimal digits of any script, each a run of ten from zero. */
function parseDigits(text: string): number {
  const isDigit = (code: number): boolean =>
    /^\p{Nd}$/u.test(String.fromCodePoint(code));
  let value = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    let start = code;
    while (start > 0 && isDigit(start - 1)) start -= 1;
    value = value * 10 + ((code - start) % 10);
  }
  return value;
}

function allMatches(text: string, expression: RegExp): string[] {
  return [...text.matchAll(expression)].map((match) => match[0]);
}

function withoutFraming(text: string): string {
  return text
    .replaceAll("<s>", "")
    .replaceAll("</s>", "")
    .replaceAll("<pad>", "");
}

/** Python's `str.strip`. */
function strip(text: string): string {
  return text.replace(OUTER_SPACE, "");
}
