// Any data set as items: finds out what a file is, reads it, and merges what
// several files say of one photo.

import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { FlorenceError } from "../../shared/errors.ts";
import { parseCocoCaptions, parseCocoInstances } from "./coco.ts";
import { dataError } from "./data-error.ts";
import { parseEngineRecords } from "./engine-records.ts";
import { readFlickr30k } from "./flickr30k.ts";
import { readIcdar } from "./icdar.ts";
import type { EvaluationItem } from "./item.ts";
import { parseOwnJsonl } from "./own-jsonl.ts";
import { readJson, type JsonFile } from "./read-json.ts";
import { linesOf, readText } from "./read-lines.ts";
import { parseRefCoco } from "./refcoco.ts";
import { parseTextVqa } from "./textvqa.ts";

/** What a file or folder of truth can be. */
export type DataFormat =
  | "coco-instances"
  | "coco-captions"
  | "flickr30k-entities"
  | "refcoco"
  | "textvqa"
  | "icdar"
  | "data-engine"
  | "florence";

/** A data set. */
export interface EvaluationData {
  readonly items: readonly EvaluationItem[];
  readonly formats: readonly DataFormat[];
  /** SHA-256 over all text that was read. */
  readonly sha256: string;
}

interface ReadData {
  readonly format: DataFormat;
  readonly items: readonly EvaluationItem[];
  readonly texts: readonly string[];
}

/**
 * Reads files and folders of truth. Several that speak of the same photos are
 * put together by image.
 *
 * @throws FlorenceError `not_found`, or `invalid_request` with file and line.
 */
export async function readData(
  paths: readonly string[],
): Promise<EvaluationData> {
  const hash = createHash("sha256");
  const formats: DataFormat[] = [];
  const items = new Map<string, EvaluationItem>();
  for (const path of paths) {
    const read = await readPath(path);
    if (read.items.length === 0) {
      throw dataError(path, null, "there is no photo in it.");
    }
    formats.push(read.format);
    for (const text of read.texts) hash.update(text).update("\0");
    for (const item of read.items) {
      const known = items.get(item.id);
      items.set(item.id, known === undefined ? item : merge(known, item, path));
    }
  }
  return { items: [...items.values()], formats, sha256: hash.digest("hex") };
}

async function readPath(path: string): Promise<ReadData> {
  if (!existsSync(path)) {
    throw new FlorenceError(
      "not_found",
      `There is no ${path}. Name a file or folder of the data set.`,
    );
  }
  if (statSync(path).isDirectory()) {
    if (existsSync(join(path, "Sentences"))) {
      return { format: "flickr30k-entities", ...(await readFlickr30k(path)) };
    }
    return { format: "icdar", ...(await readIcdar(path)) };
  }
  if (/\.jsonl$/iu.test(path)) return readJsonl(path, await readText(path));
  return readJsonData(await readJson(path));
}

function readJsonl(path: string, text: string): ReadData {
  const [first] = linesOf(text);
  // A record of the data engine has its photo in an object.
  const isRecord = first !== undefined && /^\{\s*"photo"\s*:/u.test(first.text);
  const parse = isRecord ? parseEngineRecords : parseOwnJsonl;
  return {
    format: isRecord ? "data-engine" : "florence",
    items: parse(text, path),
    texts: [text],
  };
}

function readJsonData(json: JsonFile): ReadData {
  const { value, text, file } = json;
  const has = (key: string): boolean =>
    typeof value === "object" && value !== null && key in value;
  const texts = [text];
  if (has("refs")) {
    return { format: "refcoco", items: parseRefCoco(json), texts };
  }
  if (has("data")) {
    return { format: "textvqa", items: parseTextVqa(json), texts };
  }
  if (has("categories")) {
    return { format: "coco-instances", items: parseCocoInstances(json), texts };
  }
  if (has("annotations")) {
    return { format: "coco-captions", items: parseCocoCaptions(json), texts };
  }
  throw dataError(
    file,
    null,
    "this is none of the forms that are read: COCO instances or captions, RefCOCO made by refcoco_to_json.py, TextVQA. Lines of JSON are read from files that end in .jsonl.",
  );
}

/** What two files say of one photo. */
function merge(
  a: EvaluationItem,
  b: EvaluationItem,
  path: string,
): EvaluationItem {
  const { size } = a;
  if (
    size !== null &&
    b.size !== null &&
    (size.width !== b.size.width || size.height !== b.size.height)
  ) {
    throw dataError(
      path,
      null,
      `${b.image} is ${b.size.width} by ${b.size.height} here, and ${size.width} by ${size.height} in an earlier file.`,
    );
  }
  if (a.objects !== null && b.objects !== null) {
    throw dataError(path, null, `the objects of ${b.image} are told twice.`);
  }
  return {
    ...a,
    size: size ?? b.size,
    captions: [...a.captions, ...b.captions],
    objects: a.objects ?? b.objects,
    categories: a.categories ?? b.categories,
    groundedCaptions: [...a.groundedCaptions, ...b.groundedCaptions],
    referring: [...a.referring, ...b.referring],
    questions: [...a.questions, ...b.questions],
    lines: a.lines ?? b.lines,
  };
}
