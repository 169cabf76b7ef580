// Model output and callers' text inside markup.

/**
 * Makes any string safe as XML text and inside a quoted attribute.
 *
 * Characters XML 1.0 does not allow (most controls, lone surrogates, U+FFFE
 * and U+FFFF; section 2.2) become U+FFFD, so that the document stays
 * well-formed whatever a model says.
 */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replace(FORBIDDEN, "\u{FFFD}")
    .replace(/[&<>"']/gu, (character) => ENTITIES[character]!);
}

const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
