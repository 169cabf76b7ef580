// Words of a caption as caption metrics count them: the Stanford PTBTokenizer,
// lower-cased, less punctuation. Rules of our own for what occurs in captions,
// fitted to what that tokenizer (CoreNLP 3.4.1, as `pycocoevalcap` runs it)
// answers; at each place the longest wins, ties go to the earlier. Of 24,579
// COCO captions two come out otherwise, and only because the original looks into
// the next line to tell whether "S." ends a sentence. Rare markup may differ.

/** Tokens that `pycocoevalcap` throws away. `-lrb-` and `?!` stay, as there. */
const PUNCTUATION = new Set(
  ["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"], // prettier-ignore
);

/** Abbreviations whose period belongs to the word, in any case. */
const ABBREVIATIONS =
  "adj adm adv al ala alex apr ariz assn assoc asst atty attys aug ave bhd bldg blvd brig bros calif capt cf cie cmdr co col colo comdr conn corp cos cpl ct dak dec dept det dr drs elec ens esq est etc ext feb fla fri ft ga gen gov govs hon inc ind insp intl invt jan jos jr jul jun kan kans ky lieut lt ltd maj mar md messrs mfg mich minn mlle mme mo mon mont mr mrs ms msgr mt mtg natl neb nev nov oct okla penn pfc ph ph\\.d plc ppte ppty pres prof pte ptes pty ptys pvt rd rep reps rev rt sen sens sep sept seq sfc sgt spc sq sr st ste supt sys tel tenn thu thurs treas tue tues univ va vs vt wed wis wisc wm wyo";
/** The same for words that are ordinary in lower case. */
const CAPITAL_ABBREVIATIONS =
  "Ark Az Del Ill La Mass Miss Ore Pa Tex Wash ARK AZ DEL ILL LA MASS MISS ORE PA TEX WASH";
/** The same where a number follows. */
const NUMBER_ABBREVIATIONS = "art ca fig figs no nos op pp prop";
/** A lone letter before one of these ends its sentence. */
const STARTERS =
  "The A An He She It They We You This That These Her Their Our In At But So If When While After There Here One Some What As However Other Many About";

const either = (words: string): string => words.split(" ").join("|");
const anyCase = (words: string): string =>
  either(words.replace(/[a-z]/gu, (letter) => `[${letter}${letter.toUpperCase()}]`)); // prettier-ignore

const L = "[\\p{L}\\p{M}]"; // a letter
const APOS = "['\u2019\u0092]";
const END = `(?![\\p{L}\\p{M}0-9])`;
const NUM = "(?:[0-9]*(?:[.:,][0-9]+)+|[0-9]+)";
const WORD = `${L}(?:${L}|[0-9])*`;
const ANY = "[\\p{L}\\p{M}0-9]";
const HYPHENATED = `${ANY}(?:${ANY}|[.,])*(?:-${ANY}+)+`;
const SLASHED = `[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}`;

/** What a rule makes of its match; the text itself if left out. */
interface Rule {
  readonly pattern: RegExp;
  /** Counts as longer by what it looked ahead at. */
  readonly tokens?: (match: RegExpExecArray) => readonly string[];
}

const rule = (pattern: string, tokens?: Rule["tokens"]): Rule => ({
  pattern: new RegExp(pattern, "uy"),
  ...(tokens === undefined ? {} : { tokens }),
});
const groups = (match: RegExpExecArray): readonly string[] => match.slice(1);

const RULES: readonly Rule[] = [
  // Astral and invisible characters are dropped.
  rule("[\\u{10000}-\\u{10ffff}]|\\p{Cf}|\ufe0f", () => []),
  // Words that are two tokens.
  rule(
    `(${anyCase("can")})(${anyCase("not")})${END}(?!-${ANY})|(${anyCase("gon wan")})(${anyCase("na")})${END}(?!-${ANY})|(${anyCase("got")})(${anyCase("ta")})${END}(?!-${ANY})|(${anyCase("lem gim")})(${anyCase("me")})${END}(?!-${ANY})|(${APOS}[tT])([iI][sS]|[wW][aA][sS])${END}`,
    groups,
  ),
  rule(`(${L}+?)([nN](?:${APOS}|\`)[tT])(?!${L})`, groups),
  rule(`(${WORD}|${HYPHENATED}|[A-Za-z]?[0-9]+)(${APOS}(?:[sSmMdD]|re|RE|ve|VE|ll|LL))(?!${L})`, groups), // prettier-ignore
  rule(`${APOS}(?:[sSmMdD]|re|RE|ve|VE|ll|LL)(?!${L})`),
  // Words with an apostrophe inside.
  rule(`[dDlLnNoO]${APOS}[A-Za-z]${ANY}*`),
  rule(`[A-HJ-XZ]${APOS}[A-Za-z]{2,}`),
  rule(`[A-Za-z]+[aeiouyAEIOUY]${APOS}[aeiouA-Z][a-z]*`),
  rule(
    `(?:[mM]a${APOS}am|[nN]or${APOS}easter|[cC]${APOS}mon|[sS]${APOS}mores|[hH]allowe${APOS}en|[lL]i${APOS}l|[nN]at${APOS}l|[cC]ap${APOS}n|[eE]${APOS}er)(?!${L})`,
  ),
  rule(
    `(?:[dD]unkin${APOS}|[sS]omethin${APOS}|[oO]l${APOS}|[yYjJ]${APOS}(?=${L}))`,
  ),
  rule(`${APOS}(?:n${APOS}|(?:n|em|[cC]ause|[tT]il)(?!${L}))`),
  rule(`${APOS}[0-9]{2}s?(?!${ANY})`),
  // Addresses and tags.
  rule(`https?://[^\\s"<>|()]*[^\\s"<>|.!?(){},'-]`),
  rule(`[A-Za-z0-9][\\w.%+-]*@[A-Za-z0-9][\\w-]*(?:\\.[\\w-]+)*`),
  rule(`(?:[\\w-]+\\.)+(?:com|net|org|edu)${END}`),
  rule(`[@#][A-Za-z]\\w*`),
  rule(`</?[A-Za-z!?][^<>]*>`),
  // Numbers.
  rule(`(?:[0-9]{1,4}[- \u00a0])?[0-9]{1,4}[/\u2044][0-9]{1,4}`),
  rule(`[0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{2,4}`),
  rule(`\\(([0-9]{3})\\) ?([0-9]{3}-[0-9]{4})`, (match) => [
    `-lrb-${match[1] ?? ""}-rrb-`,
    match[2] ?? "",
  ]),
  rule(`[-+]?${NUM}`),
  // Abbreviations.
  rule(`(?:${anyCase(ABBREVIATIONS)})\\.(?!${ANY})`),
  rule(`(?:${either(CAPITAL_ABBREVIATIONS)})\\.(?!${ANY})`),
  rule(`(?:${anyCase(NUMBER_ABBREVIATIONS)})\\.(?= ?[0-9])`),
  rule(`[A-Za-z](?:\\.[A-Za-z])+\\.(?!${ANY})`),
  rule(`[A-Za-z]\\.(?! +(?:${either(STARTERS)})(?:\\s|$))`),
  // Words.
  rule(`[A-Z]+(?:[+&][A-Z]+)+`),
  rule(HYPHENATED),
  rule(SLASHED),
  rule(`${ANY}+(?:_${ANY}+)+`),
  rule(`${WORD}(?:[.!?]${WORD})*`),
  rule(`${ANY}+`),
  rule("C\\+\\+|[CF]#"),
  rule("w/(?!\\S)", () => ["w", "/"]),
  // Money, quotes, brackets, the rest.
  rule("(?:US|A|C|HK|NZ)\\$"),
  rule("\\(", () => ["-lrb-"]),
  rule("\\)", () => ["-rrb-"]),
  rule("\\[", () => ["-lsb-"]),
  rule("\\]", () => ["-rsb-"]),
  rule("\\{", () => ["-lcb-"]),
  rule("\\}", () => ["-rcb-"]),
  rule(`[:;=][-'o*]?([()DPdp])(?![A-Za-z0-9])`, (match) => [
    match[0].replace("(", "-lrb-").replace(")", "-rrb-"),
  ]),
  rule("\\^_\\^"),
  rule("\u00bc", () => ["1/4"]),
  rule("\u00bd", () => ["1/2"]),
  rule("\u00be", () => ["3/4"]),
  rule("\u20ac", () => ["$"]),
  rule("\u00a3", () => ["#"]),
  rule("\u00a2", () => ["cents"]),
  rule("[\"\u201c\u201d\u00ab\u00bb]|''|``", () => ["''"]),
  rule("['`\u2018\u2019\u201b\u2039\u203a\u0091\u0092]", () => ["'"]),
  rule("[-\u2013\u2014\u2015\u2010\u2011]+", () => ["--"]),
  rule("\\.\\.\\.|\\. \\. \\.|\u2026", () => ["..."]),
  rule("[?!]+"),
  rule("_+|<<|>>"),
  rule("."),
];

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
  "&nbsp;": " ",
};

/**
 * Splits a caption into the words that `pycocoevalcap` would compare.
 *
 * @returns words in order, lower case, without punctuation; none for a caption
 *   of spaces or punctuation alone.
 */
export function ptbTokenize(caption: string): string[] {
  const text = caption.replace(
    /&(?:amp|lt|gt|quot|apos|nbsp);|\u00ad/gu,
    (entity) => ENTITIES[entity] ?? "",
  );
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/u.test(text.charAt(at))) {
      at += 1;
      continue;
    }
    const { tokens, length } = longestAt(text, at);
    for (const token of tokens) {
      if (PUNCTUATION.has(token)) continue;
      const word = token.toLowerCase().replace(/[\u2019\u0092]/gu, "'");
      words.push(...word.split(/\s/u));
    }
    at += length;
  }
  return words;
}

function longestAt(
  text: string,
  at: number,
): { readonly tokens: readonly string[]; readonly length: number } {
  let best: RegExpExecArray | undefined;
  let winner: Rule | undefined;
  for (const candidate of RULES) {
    candidate.pattern.lastIndex = at;
    const match = candidate.pattern.exec(text);
    if (match === null || match[0].length <= (best?.[0].length ?? 0)) continue;
    best = match;
    winner = candidate;
  }
  // The last rule takes any one character, so a match is there.
  if (best === undefined) return { tokens: [], length: 1 };
  const tokens = (winner?.tokens?.(best) ?? [best[0]]).filter(Boolean);
  return { tokens, length: best[0].length };
}
