// Finds the model's phrases again in the caller's caption.

/** From and to, in UTF-16 units of the caption. */
export type Span = [number, number];

/**
 * Where each phrase stands in a caption: after the one before it if possible,
 * else anywhere; case and the number of blanks may differ.
 *
 * @returns one span per phrase, null where it is not in the caption.
 */
export function phraseSpans(
  caption: string,
  phrases: readonly string[],
): (Span | null)[] {
  let from = 0;
  return phrases.map((phrase) => {
    const span =
      findPhrase(caption, phrase, from) ?? findPhrase(caption, phrase, 0);
    if (span !== null) from = span[1];
    return span;
  });
}

function findPhrase(
  caption: string,
  phrase: string,
  from: number,
): Span | null {
  const words = phrase.split(/\s+/u).filter((word) => word !== "");
  if (words.length === 0) return null;
  const pattern = new RegExp(words.map(escapePattern).join("\\s+"), "giu");
  pattern.lastIndex = from;
  let anywhere: Span | null = null;
  for (;;) {
    const match = pattern.exec(caption);
    if (match === null) return anywhere;
    const span: Span = [match.index, match.index + match[0].length];
    // "a car" must not be found in "a cart" while it stands elsewhere.
    if (isWholeWord(caption, span)) return span;
    anywhere ??= span;
    pattern.lastIndex = match.index + 1;
  }
}

function isWholeWord(caption: string, [from, to]: Span): boolean {
  const inside = /^[\p{L}\p{N}]{2}$/u;
  const atStart = caption.slice(from - 1, from + 1);
  const atEnd = caption.slice(to - 1, to + 1);
  return !(from > 0 && inside.test(atStart)) && !inside.test(atEnd);
}

function escapePattern(text: string): string {
  return text.replace(/[$()*+./?[\\\]^{|}]/gu, "\\$&");
}
