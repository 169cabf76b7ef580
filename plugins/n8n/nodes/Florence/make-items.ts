// Items out of an analysis: one for the image, or one for each object, line,
// segment or region; pictures of the answer become files.

import { isObject, objectsOf, type Json } from "../shared/json.ts";
import { problemText } from "../shared/problem.ts";
import { findTask } from "./operations.ts";

/** A file of an item. */
export interface MadeFile {
  readonly key: string;
  readonly base64: string;
  readonly mediaType: string;
  readonly fileName: string;
}

export interface MadeItem {
  readonly json: Record<string, unknown>;
  readonly files: readonly MadeFile[];
}

export interface MakeItemsOptions {
  /** One item for each thing that was found. */
  readonly perObject: boolean;
  /** Leaves out what few workflows need. */
  readonly simplify: boolean;
  /** Run Many Tasks: results stay a list, whatever their number. */
  readonly isMany: boolean;
  /** Begins the names of files. */
  readonly fileStem: string;
}

/** Of a result, left out when simplified. */
const DETAILS = new Set(["id", "finish_reason", "score_kind", "dropped"]);

/** Of each thing found, left out when simplified. */
const ITEM_DETAILS = new Set([
  "box_spread",
  "label_score",
  "box_score",
  "svg_path",
  "finish_reason",
  "dropped",
]);

/** Something that was found, and the list of the result it stands in. */
interface Found {
  readonly result: Json;
  readonly value: Json;
}

/** Makes the items of an envelope. */
export function makeItems(
  envelope: Json,
  options: MakeItemsOptions,
): MadeItem[] {
  const files: MadeFile[] = [];
  const { fileStem } = options;
  const rendering = envelope["rendering"];
  if (isObject(rendering) && typeof rendering["base64"] === "string") {
    files.push({
      key: "annotated",
      base64: rendering["base64"],
      mediaType: String(rendering["media_type"]),
      fileName: `${fileStem}-annotated.${extensionOf(rendering["media_type"])}`,
    });
  }
  return options.perObject
    ? itemsOfObjects(envelope, files, options)
    : [itemOfImage(envelope, files, options)];
}

function itemOfImage(
  envelope: Json,
  files: readonly MadeFile[],
  options: MakeItemsOptions,
): MadeItem {
  const crops: MadeFile[] = [];
  const results = objectsOf(envelope["results"]).map((result) =>
    withoutBytes(result, crops, options),
  );
  const all = [...files, ...crops];
  if (!options.simplify) {
    const { rendering, ...rest } = envelope;
    const shown = isObject(rendering)
      ? {
          rendering: {
            media_type: rendering["media_type"],
            binary: "annotated",
          },
        }
      : {};
    return { json: { ...rest, ...shown, results }, files: all };
  }
  const simple = results.map(simpleResult);
  const about = aboutImage(envelope);
  const [first = {}] = simple;
  return {
    json: options.isMany
      ? { results: simple, ...about }
      : { ...first, ...about },
    files: all,
  };
}

function itemsOfObjects(
  envelope: Json,
  files: readonly MadeFile[],
  options: MakeItemsOptions,
): MadeItem[] {
  const results = objectsOf(envelope["results"]);
  const about = aboutImage(envelope);
  const failed = results
    .filter(({ status }) => status === "error")
    .map(({ task, problem }) => ({
      json: {
        task,
        status: "error",
        error: problemText(problem),
        problem,
        ...about,
      },
      files,
    }));
  const found = results.flatMap(foundIn);
  const items = found.map(({ result, value }, index): MadeItem => {
    const crops: MadeFile[] = [];
    const named = { ...options, firstCrop: index, cropKey: "crop" };
    const bare = withoutBytes(value, crops, named);
    const json = options.simplify ? without(bare, ITEM_DETAILS) : bare;
    return {
      json: { task: result["task"], index, ...json, ...about },
      files: [...files, ...crops],
    };
  });
  return [...failed, ...items];
}

/** The things of a result; a text of the whole image is one. */
function foundIn(result: Json): Found[] {
  if (result["status"] === "error") return [];
  const variant = result["detail"] ?? result["layout"] ?? "";
  const task = findTask(String(result["task"]), String(variant));
  if (task === undefined || task.list === null) {
    return [{ result, value: without(result, new Set(["task"])) }];
  }
  const { list, innerList } = task;
  return objectsOf(result[list]).flatMap((value) =>
    innerList === null
      ? [{ result, value }]
      : objectsOf(value[innerList]).map((inner) => ({
          result,
          value: { region: value["id"], ...inner },
        })),
  );
}

function simpleResult(result: Json): Record<string, unknown> {
  const simple: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(result)) {
    if (DETAILS.has(name)) continue;
    simple[name] = Array.isArray(value)
      ? value.map((one: unknown) => (isObject(one) ? simpleItem(one) : one))
      : value;
  }
  const list = ["objects", "segments", "lines", "regions"].find(
    (name) => name in simple,
  );
  if (list !== undefined) simple["count"] = objectsOf(simple[list]).length;
  return simple;
}

function simpleItem(item: Json): Record<string, unknown> {
  const simple = without(item, ITEM_DETAILS);
  const { segments } = simple;
  return Array.isArray(segments)
    ? { ...simple, segments: objectsOf(segments).map(simpleItem) }
    : simple;
}

/** What a later node may want of the image: its size, and how to ask again. */
function aboutImage(envelope: Json): Json {
  const { image, model } = envelope;
  const warnings = envelope["warnings"];
  return {
    image: isObject(image)
      ? without(image, new Set(["orientation_applied"]))
      : {},
    analysis_id: envelope["id"],
    model: isObject(model) ? model["id"] : null,
    ...(Array.isArray(warnings) && warnings.length > 0 && { warnings }),
  };
}

interface CropNames extends MakeItemsOptions {
  readonly cropKey?: string;
  readonly firstCrop?: number;
}

/** The same value with each crop moved into `crops`, its key in its place. */
function withoutBytes<Value extends Json>(
  value: Value,
  crops: MadeFile[],
  names: CropNames,
): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [name, field] of Object.entries(value)) {
    if (name === "crop" && isObject(field)) {
      copy[name] = moveCrop(field, value, crops, names);
    } else if (Array.isArray(field)) {
      copy[name] = field.map((one: unknown) =>
        isObject(one) ? withoutBytes(one, crops, names) : one,
      );
    } else copy[name] = field;
  }
  return copy;
}

function moveCrop(
  crop: Json,
  owner: Json,
  crops: MadeFile[],
  { fileStem, cropKey, firstCrop = 0 }: CropNames,
): Json {
  const { base64, ...rest } = crop;
  const key = cropKey ?? `crop_${crops.length}`;
  const what = owner["label"] ?? owner["phrase"] ?? owner["text"] ?? "crop";
  const number = firstCrop + crops.length + 1;
  crops.push({
    key,
    base64: String(base64),
    mediaType: String(crop["media_type"]),
    fileName: `${fileStem}-${number}-${slug(String(what))}.${extensionOf(crop["media_type"])}`,
  });
  return { ...rest, binary: key };
}

function slug(text: string): string {
  const plain = text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-");
  return plain.replace(/^-+|-+$/gu, "").slice(0, 40) || "crop";
}

function extensionOf(mediaType: unknown): string {
  return mediaType === "image/svg+xml"
    ? "svg"
    : mediaType === "image/jpeg"
      ? "jpg"
      : "png";
}

function without(
  value: Json,
  names: ReadonlySet<string>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).filter(([name]) => !names.has(name)),
  );
}
