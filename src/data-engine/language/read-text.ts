// What a text speaks of: noun phrases, attributes and actions, from the parts of
// speech that wink-nlp gives.

import model from "wink-eng-lite-web-model";
import winkNLP, {
  type ItemToken,
  type ItsFunction,
  type PartOfSpeech,
} from "wink-nlp";

/** A noun phrase: `a brown dog`. */
export interface NounPhrase {
  /** As it stands in the text. */
  readonly text: string;
  /** From and to in the text, in UTF-16 units. */
  readonly span: readonly [number, number];
  /** Its last noun as the dictionary has it: `dog`. */
  readonly lemma: string;
  /** Its nouns, lemmas with spaces between: `teddy bear`. */
  readonly name: string;
  /** Its adjectives and numbers, lower case. */
  readonly attributes: readonly string[];
  /** Whether it is only a pronoun. */
  readonly isPronoun: boolean;
  /**
   * Words that hang on its noun: adjectives, numbers and nouns before it, a
   * prepositional phrase or participle after it.
   */
  readonly degree: number;
}

/** A verb that says what happens: `riding`. */
export interface Action {
  readonly lemma: string;
  /** What hangs on it: subject, object, adverbs, prepositional phrase. */
  readonly degree: number;
}

export interface ReadText {
  readonly phrases: readonly NounPhrase[];
  readonly actions: readonly Action[];
  readonly words: number;
  readonly sentences: number;
}

interface Word {
  readonly text: string;
  readonly pos: PartOfSpeech;
  readonly lemma: string;
  readonly start: number;
}

const nlp = winkNLP(model, ["sbd", "pos"]);

// wink-nlp knows its functions by identity and calls none as a method.
/* eslint-disable @typescript-eslint/unbound-method */
const POS = nlp.its.pos;
/** Its type asks for the add-ons that wink-nlp hands over itself. */
const LEMMA = nlp.its.lemma as unknown as ItsFunction<string>;
/* eslint-enable @typescript-eslint/unbound-method */

const INSIDE: ReadonlySet<PartOfSpeech> = new Set([
  "DET",
  "NUM",
  "ADJ",
  "NOUN",
  "PROPN",
]);

/**
 * Reads an English text; about 0.1 ms a caption.
 *
 * `degree` stands in for the degree of a node in a dependency tree, which
 * FLD-5B filters texts by: wink-nlp has parts of speech and no tree, so what
 * hangs on a noun or a verb is told from the words and phrases beside it.
 */
export function readText(text: string): ReadText {
  const document = nlp.readDoc(text);
  const words: Word[] = [];
  let at = 0;
  document.tokens().each((token: ItemToken) => {
    const written = token.out();
    const found = text.indexOf(written, at);
    const start = found === -1 ? at : found;
    at = start + written.length;
    words.push({
      text: written,
      pos: token.out(POS) as PartOfSpeech,
      lemma: token.out(LEMMA).toLowerCase(),
      start,
    });
  });
  const chunks = chunksOf(words);
  return {
    phrases: chunks.map((chunk) => phraseOf(text, words, chunk)),
    actions: actionsOf(words, chunks),
    words: words.filter(({ pos }) => pos !== "PUNCT" && pos !== "SPACE").length,
    sentences: document.sentences().length(),
  };
}

/**
 * Reads a label. A name that could be a verb (`sink`, `fork`) is a noun here.
 *
 * Spans are those of the label only where it is read as it stands.
 */
export function readLabel(label: string): ReadText {
  const read = readText(label);
  return read.phrases.length > 0 ? read : readText(`the ${label}`);
}

/** Words `from` to `to - 1` that make one phrase. */
interface Chunk {
  readonly from: number;
  readonly to: number;
}

/**
 * Longest runs of determiner, numbers, adjectives and nouns that end in a noun,
 * and pronouns alone.
 */
function chunksOf(words: readonly Word[]): Chunk[] {
  const chunks: Chunk[] = [];
  let from = 0;
  const close = (to: number): void => {
    let end = to;
    while (end > from && !isNoun(words[end - 1]!)) end -= 1;
    // `a dalmatian is …`: what stands for a noun is one, whatever its tag.
    const isNamed = words[from]?.pos === "DET" && words[to - 1]?.pos === "ADJ";
    if (end === from && isNamed) end = to;
    if (end > from) chunks.push({ from, to: end });
  };
  for (const [index, { pos }] of words.entries()) {
    if (INSIDE.has(pos) && !beginsPhrase(words, index)) continue;
    // `an old and rusty car`: one phrase.
    if (pos === "CCONJ" && isBetweenAdjectives(words, index)) continue;
    close(index);
    from = INSIDE.has(pos) ? index : index + 1;
    if (pos === "PRON") chunks.push({ from: index, to: index + 1 });
  }
  close(words.length);
  return chunks;
}

function phraseOf(
  text: string,
  words: readonly Word[],
  { from, to }: Chunk,
): NounPhrase {
  const own = words.slice(from, to);
  const head = own[own.length - 1]!;
  const end = head.start + head.text.length;
  const nouns = own.filter((word) => isNoun(word) || word === head);
  const attributes = own.filter(
    (word) => word !== head && (word.pos === "ADJ" || word.pos === "NUM"),
  );
  const after = words[to]?.pos;
  const hangsBehind = after === "ADP" || after === "VERB" || after === "AUX";
  return {
    text: text.slice(own[0]!.start, end),
    span: [own[0]!.start, end],
    lemma: head.lemma,
    name: nouns
      .map(({ text: noun, lemma }, index) =>
        index === nouns.length - 1 ? lemma : noun.toLowerCase(),
      )
      .join(" "),
    attributes: attributes.map((word) => word.text.toLowerCase()),
    isPronoun: head.pos === "PRON",
    degree:
      attributes.length + Math.max(0, nouns.length - 1) + Number(hangsBehind),
  };
}

function actionsOf(words: readonly Word[], chunks: readonly Chunk[]): Action[] {
  return words.flatMap(({ pos, lemma }, index): Action[] => {
    if (pos !== "VERB") return [];
    let before = index - 1;
    while (words[before]?.pos === "AUX" || words[before]?.pos === "ADV")
      before -= 1;
    let after = index + 1;
    while (words[after]?.pos === "ADV") after += 1;
    const hasSubject = chunks.some(({ to }) => to === before + 1);
    const hasObject = chunks.some(({ from }) => from === after);
    const hasPlace = words[after]?.pos === "ADP";
    const adverbs = after - index - 1;
    const degree = Number(hasSubject) + Number(hasObject || hasPlace) + adverbs;
    return [{ lemma, degree }];
  });
}

function isNoun({ pos }: Word): boolean {
  return pos === "NOUN" || pos === "PROPN";
}

/** A determiner begins a phrase, and what describes a noun behind another. */
function beginsPhrase(words: readonly Word[], index: number): boolean {
  const { pos } = words[index]!;
  const before = words[index - 1];
  const follows = before !== undefined && isNoun(before);
  return pos === "DET" || (follows && (pos === "NUM" || pos === "ADJ"));
}

function isBetweenAdjectives(words: readonly Word[], index: number): boolean {
  return words[index - 1]?.pos === "ADJ" && words[index + 1]?.pos === "ADJ";
}
