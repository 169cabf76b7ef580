// Reads a checkpoint's tokenizer, in either form it is published in:
// `tokenizer.json`, or `vocab.json` with `merges.txt`.

import * as v from "valibot";
import { FlorenceError } from "../errors.ts";
import { FLORENCE_TOKENS } from "./florence-tokens.ts";

/** A token that stands for itself in a text and is never built by merging. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Takes the white space on its left, or right, with it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Left out when special tokens are skipped. */
  readonly special: boolean;
}

/** A byte-level BPE vocabulary. */
export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** Pairs of tokens in the order they are merged. */
  readonly merges: readonly (readonly [string, string])[];
  readonly added: readonly AddedToken[];
}

/** Files by name: their text, or the value their JSON stands for. */
export type TokenizerFiles = Readonly<Record<string, string | object>>;

type Ids = Readonly<Record<string, number>>;
type MergeEntry = string | readonly [string, string];

// 50,000 entries each: plain loops, a tenth of a schema's time per entry.
const Ids = v.custom<Ids>(isIds, "is not a map from tokens to ids");
const Merges = v.custom<readonly MergeEntry[]>(
  isMerges,
  "is not a list of merges",
);

const ByteLevel = v.object({
  type: v.literal("ByteLevel"),
  add_prefix_space: v.optional(v.literal(false)),
  use_regex: v.optional(v.literal(true)),
});

const AddedEntry = v.object({
  content: v.string(),
  lstrip: v.optional(v.boolean(), false),
  rstrip: v.optional(v.boolean(), false),
  special: v.optional(v.boolean(), false),
});

const TokenizerJson = v.object({
  normalizer: v.nullish(v.null()),
  pre_tokenizer: ByteLevel,
  model: v.object({
    type: v.optional(v.literal("BPE")),
    vocab: Ids,
    merges: Merges,
  }),
  added_tokens: v.optional(
    v.array(v.object({ id: v.number(), ...AddedEntry.entries })),
    [],
  ),
});

const TokenizerConfig = v.object({
  added_tokens_decoder: v.optional(v.record(v.string(), AddedEntry), {}),
});

/** Ids stay below this: tables have a place for each. Florence-2 has 51,289. */
const ID_LIMIT = 2 ** 22;

/** Base tokens of BART that a bare vocabulary holds as plain entries. */
const BASE_TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"];

/**
 * Reads the vocabulary; Florence-2's own 1,024 tokens are appended if absent.
 *
 * @throws FlorenceError `bundle_invalid` if no tokenizer is among the files or
 *   it is not a byte-level BPE as Florence-2's.
 */
export function readVocabulary(files: TokenizerFiles): Vocabulary {
  const base =
    files["tokenizer.json"] === undefined
      ? readBareFiles(files)
      : readTokenizerJson(files["tokenizer.json"]);
  const added = withAddedFiles(base.added, files);
  const { ids } = base;
  for (const token of added) ids.set(token.content, token.id);
  for (const [token, id] of ids) {
    if (!Number.isInteger(id) || id < 0 || id >= ID_LIMIT) {
      throw new FlorenceError(
        "bundle_invalid",
        `The tokenizer gives ${JSON.stringify(token)} the id ${id}; ids are whole numbers from 0 to ${ID_LIMIT - 1}. Fetch the checkpoint again.`,
      );
    }
  }
  if (ids.has("<loc_0>")) return { ids, merges: base.merges, added };

  let next = 1 + Math.max(...ids.values());
  const appended = FLORENCE_TOKENS.map((content) => {
    ids.set(content, next);
    return addedToken(content, next++, true);
  });
  return { ids, merges: base.merges, added: [...added, ...appended] };
}

/** A vocabulary whose map is still being filled. */
type OpenVocabulary = Vocabulary & { readonly ids: Map<string, number> };

function readTokenizerJson(file: string | object): OpenVocabulary {
  const json = check("tokenizer.json", TokenizerJson, parse(file));
  return {
    ids: mapOf(json.model.vocab),
    merges: json.model.merges.map((entry) =>
      typeof entry === "string" ? splitMerge("tokenizer.json", entry) : entry,
    ),
    added: json.added_tokens,
  };
}

function readBareFiles(files: TokenizerFiles): OpenVocabulary {
  const vocabulary = files["vocab.json"];
  const merges = files["merges.txt"];
  if (vocabulary === undefined || typeof merges !== "string") {
    throw new FlorenceError(
      "bundle_invalid",
      `No tokenizer among ${Object.keys(files).join(", ") || "no files"}. Give tokenizer.json, or vocab.json and merges.txt.`,
    );
  }
  const ids = mapOf(check("vocab.json", Ids, parse(vocabulary)));
  const lines = merges.split(/\r?\n/u);
  return {
    ids,
    merges: lines
      .filter(
        (line, at) => line !== "" && !(at === 0 && /^#version/u.test(line)),
      )
      .map((line) => splitMerge("merges.txt", line)),
    added: BASE_TOKENS.flatMap((content) => {
      const id = ids.get(content);
      return id === undefined
        ? []
        : [addedToken(content, id, true, content === "<mask>")];
    }),
  };
}

/** Adds what `added_tokens.json` and `tokenizer_config.json` name. */
function withAddedFiles(
  base: readonly AddedToken[],
  files: TokenizerFiles,
): AddedToken[] {
  const tokens = new Map(base.map((token) => [token.content, token]));
  const config = files["tokenizer_config.json"];
  if (config !== undefined) {
    const decoder = check(
      "tokenizer_config.json",
      TokenizerConfig,
      parse(config),
    ).added_tokens_decoder;
    for (const [id, entry] of Object.entries(decoder)) {
      if (!tokens.has(entry.content))
        tokens.set(entry.content, { ...entry, id: Number(id) });
    }
  }
  const added = files["added_tokens.json"];
  if (added !== undefined) {
    const ids = check("added_tokens.json", Ids, parse(added));
    for (const [content, id] of Object.entries(ids)) {
      if (!tokens.has(content))
        tokens.set(content, addedToken(content, id, true));
    }
  }
  return [...tokens.values()];
}

function addedToken(
  content: string,
  id: number,
  special: boolean,
  lstrip = false,
): AddedToken {
  return { id, content, lstrip, rstrip: false, special };
}

function mapOf(ids: Ids): Map<string, number> {
  const map = new Map<string, number>();
  for (const token in ids) map.set(token, ids[token]!);
  return map;
}

function isIds(input: unknown): boolean {
  if (typeof input !== "object" || input === null) return false;
  const ids = input as Readonly<Record<string, unknown>>;
  for (const token in ids) {
    const id = ids[token];
    if (!Number.isInteger(id) || (id as number) < 0) return false;
  }
  return true;
}

function isMerges(input: unknown): boolean {
  if (!Array.isArray(input)) return false;
  return input.every(
    (entry: unknown) =>
      typeof entry === "string" ||
      (Array.isArray(entry) &&
        entry.length === 2 &&
        typeof entry[0] === "string" &&
        typeof entry[1] === "string"),
  );
}

function splitMerge(file: string, line: string): [string, string] {
  const at = line.indexOf(" ");
  if (at < 0 || line.includes(" ", at + 1))
    throw notATokenizer(file, `merge ${JSON.stringify(line)} is not a pair`);
  return [line.slice(0, at), line.slice(at + 1)];
}

function parse(file: string | object): unknown {
  if (typeof file !== "string") return file;
  try {
    return JSON.parse(file);
  } catch (cause) {
    throw new FlorenceError(
      "bundle_invalid",
      "A tokenizer file is not JSON. Fetch the checkpoint again.",
      { cause },
    );
  }
}

function check<const S extends v.GenericSchema>(
  file: string,
  schema: S,
  input: unknown,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, input);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw notATokenizer(
    file,
    `${issue.message} at ${v.getDotPath(issue) ?? "the top level"}`,
  );
}

function notATokenizer(file: string, reason: string): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    `${file} is not a byte-level BPE tokenizer such as Florence-2's: ${reason}.`,
  );
}
