// Text to token ids and back: GPT-2's byte-level BPE with Florence-2's added
// tokens. Our own, because a caller's phrase must be encoded so that no added
// token can be smuggled in, and whole runs must be decoded byte by byte.

import { FlorenceError } from "../errors.ts";
import { bytesOfToken, CHARACTER_OF_BYTE } from "./byte-alphabet.ts";
import { bytePairMerger, type Merges, type MergeWord } from "./byte-pairs.ts";
import { packTexts } from "./token-texts.ts";
import {
  readVocabulary,
  type AddedToken,
  type TokenizerFiles,
  type Vocabulary,
} from "./tokenizer-files.ts";

/** Ids with a role of their own. */
export interface SpecialTokens {
  readonly bos: number;
  readonly eos: number;
  readonly pad: number;
  readonly unk: number;
  /** Id of `<loc_0>`; the others follow it. */
  readonly firstLocation: number;
  readonly locationCount: number;
  /** `<and>` between labels of a prompt. */
  readonly and: number;
  /** `<sep>` between the parts of one polygon. */
  readonly separator: number;
  readonly polyOpen: number;
  readonly polyClose: number;
}

export interface Tokenizer {
  /** Ids are 0 to `size - 1`. */
  readonly size: number;
  readonly special: SpecialTokens;

  /** Encodes with `<s>` and `</s>`; added tokens in the text become their ids. */
  encode(text: string): number[];

  /**
   * Encodes a caller's text without `<s>` and `</s>`. Whatever it holds, `</s>`
   * or `<loc_5>` too, is text: no added token's id is ever among the result.
   */
  encodePlain(text: string): number[];

  /** Decodes a whole run, so that characters of several tokens survive. */
  decode(
    ids: readonly number[],
    options?: { readonly skipSpecialTokens?: boolean },
  ): string;

  /** Whether the id is an added token: special, location or other. */
  isAdded(id: number): boolean;

  /** The token as the vocabulary writes it, `""` for an unknown id. */
  tokenText(id: number): string;

  /** 0 to 999 for a location token. */
  locationBin(id: number): number | undefined;
}

/**
 * Loads a tokenizer from a checkpoint's files, keyed by file name:
 * `tokenizer.json`, or `vocab.json` with `merges.txt`; `added_tokens.json` and
 * `tokenizer_config.json` are read if given.
 *
 * @throws FlorenceError `bundle_invalid` if they are not a tokenizer such as
 *   Florence-2's.
 */
export function loadTokenizer(files: TokenizerFiles): Promise<Tokenizer> {
  return Promise.resolve().then(() => makeTokenizer(readVocabulary(files)));
}

/**
 * Splits text into the words that are encoded one by one: contractions, then
 * letters, digits or other marks with a space before them, then white space.
 * White space is Unicode's: JavaScript's `\s` adds U+FEFF and lacks U+0085.
 * Source: GPT-2's `encoder.py`.
 */
const WORDS =
  /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const ENCODER = new TextEncoder();

function makeTokenizer(vocabulary: Vocabulary): Tokenizer {
  // Nothing below may hold the vocabulary: closures share what one of them uses.
  const { size, textOf } = packTexts(vocabulary.ids);
  const added = new Map(vocabulary.added.map((token) => [token.id, token]));
  const split = addedTokenSplitter(vocabulary.added);
  const merge = bytePairMerger(resolveMerges(vocabulary, added));
  const special = specialTokens(vocabulary.ids);
  const byteIds = idsOfBytes(vocabulary.ids, special.unk);

  const encodePlain = (text: string): number[] => {
    const ids: number[] = [];
    for (const [word] of text.toWellFormed().matchAll(WORDS)) {
      for (const id of encodeWord(word, byteIds, merge)) ids.push(id);
    }
    return ids;
  };

  return {
    size,
    special,
    encodePlain,
    encode(text) {
      const parts = split(text).map((part) =>
        typeof part === "string" ? encodePlain(part) : [part.id],
      );
      return [special.bos, ...parts.flat(), special.eos];
    },
    decode(ids, options = {}) {
      const skip = options.skipSpecialTokens ?? false;
      const chunks = ids
        .filter((id) => !(skip && added.get(id)?.special === true))
        .map((id) => bytesOfToken(textOf(id)));
      return decodeBytes(chunks);
    },
    isAdded: (id) => added.has(id),
    tokenText: textOf,
    locationBin(id) {
      const bin = id - special.firstLocation;
      return bin >= 0 && bin < special.locationCount ? bin : undefined;
    },
  };
}

function encodeWord(
  word: string,
  byteIds: readonly number[],
  merge: MergeWord,
): number[] {
  const bytes = ENCODER.encode(word);
  return merge(Array.from(bytes, (byte) => byteIds[byte]!));
}

function decodeBytes(chunks: readonly Uint8Array[]): string {
  const bytes = new Uint8Array(
    chunks.reduce((total, chunk) => total + chunk.length, 0),
  );
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  // Without ignoreBOM a leading U+FEFF of the text would be lost.
  return new TextDecoder("utf-8", { fatal: false, ignoreBOM: true }).decode(
    bytes,
  );
}

/** The id of each byte's character. */
function idsOfBytes(ids: ReadonlyMap<string, number>, unk: number): number[] {
  return CHARACTER_OF_BYTE.map((character) => ids.get(character) ?? unk);
}

function resolveMerges(
  { ids, merges }: Vocabulary,
  added: ReadonlyMap<number, AddedToken>,
): Merges {
  const left = new Int32Array(merges.length);
  const right = new Int32Array(merges.length);
  const merged = new Int32Array(merges.length);
  let count = 0;
  for (const [leftToken, rightToken] of merges) {
    const [leftId, rightId] = [ids.get(leftToken), ids.get(rightToken)];
    const id = ids.get(leftToken + rightToken);
    if (leftId === undefined || rightId === undefined || id === undefined) {
      throw new FlorenceError(
        "bundle_invalid",
        `The tokenizer merges ${JSON.stringify([leftToken, rightToken])} into a token its vocabulary lacks. Its files are of different models.`,
      );
    }
    // An added token is never built from text, whatever the merges say.
    if (added.has(id)) continue;
    left[count] = leftId;
    right[count] = rightId;
    merged[count] = id;
    count += 1;
  }
  return {
    left: left.subarray(0, count),
    right: right.subarray(0, count),
    merged: merged.subarray(0, count),
  };
}

function specialTokens(ids: ReadonlyMap<string, number>): SpecialTokens {
  const idOf = (token: string): number => {
    const id = ids.get(token);
    if (id !== undefined) return id;
    throw new FlorenceError(
      "bundle_invalid",
      `The tokenizer lacks ${token}, which Florence-2 needs.`,
    );
  };
  const firstLocation = idOf("<loc_0>");
  let locationCount = 1;
  while (ids.get(`<loc_${locationCount}>`) === firstLocation + locationCount)
    locationCount += 1;
  if (locationCount !== 1000) {
    throw new FlorenceError(
      "bundle_invalid",
      `The tokenizer has ${locationCount} location tokens in a row; Florence-2 has 1000.`,
    );
  }
  return {
    bos: idOf("<s>"),
    eos: idOf("</s>"),
    pad: idOf("<pad>"),
    unk: idOf("<unk>"),
    firstLocation,
    locationCount,
    and: idOf("<and>"),
    separator: idOf("<sep>"),
    polyOpen: idOf("<poly>"),
    polyClose: idOf("</poly>"),
  };
}

/** Cuts a text at added tokens: leftmost first, then longest. */
function addedTokenSplitter(
  added: readonly AddedToken[],
): (text: string) => (string | AddedToken)[] {
  const byContent = new Map(added.map((token) => [token.content, token]));
  const firsts = new Set(added.map((token) => token.content.slice(0, 1)));
  const lengths = [...new Set(added.map((token) => token.content.length))]
    .filter((length) => length > 0)
    .sort((a, b) => b - a);
  const tokenAt = (text: string, at: number): AddedToken | undefined => {
    if (!firsts.has(text[at]!)) return undefined;
    for (const length of lengths) {
      const token = byContent.get(text.slice(at, at + length));
      if (token !== undefined) return token;
    }
    return undefined;
  };

  return (text) => {
    const parts: (string | AddedToken)[] = [];
    let start = 0;
    let at = 0;
    while (at < text.length) {
      const token = tokenAt(text, at);
      if (token === undefined) {
        at += 1;
        continue;
      }
      const before = text.slice(start, at);
      parts.push(
        token.lstrip ? before.replace(/\p{White_Space}+$/u, "") : before,
      );
      parts.push(token);
      at += token.content.length;
      while (token.rstrip && /^\p{White_Space}/u.test(text.slice(at, at + 1)))
        at += 1;
      start = at;
    }
    parts.push(text.slice(start));
    return parts.filter((part) => part !== "");
  };
}
