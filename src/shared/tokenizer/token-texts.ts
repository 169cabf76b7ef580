// The texts of a vocabulary's tokens, one after another: 50,000 strings of their
// own would take three times as much of an isolate's memory.

/** Units that become a string at a time: a call takes no more arguments. */
const PIECE = 4096;

/** The text of each id, `""` where there is none. */
export interface TokenTexts {
  /** Ids are 0 to `size - 1`. */
  readonly size: number;
  readonly textOf: (id: number) => string;
}

/** Lays out the texts, whatever the order of the ids. */
export function packTexts(ids: ReadonlyMap<string, number>): TokenTexts {
  let size = 0;
  let length = 0;
  for (const [text, id] of ids) {
    size = Math.max(size, id + 1);
    length += text.length;
  }
  const units = new Uint16Array(length); // UTF-16 as JavaScript has it
  const ends = new Uint32Array(size);
  const starts = new Uint32Array(size);
  let at = 0;
  for (const [text, id] of ids) {
    starts[id] = at;
    for (let unit = 0; unit < text.length; unit += 1) {
      units[at++] = text.charCodeAt(unit);
    }
    ends[id] = at;
  }
  return {
    size,
    textOf(id) {
      const end = ends[id] ?? 0;
      let text = "";
      for (let from = starts[id] ?? 0; from < end; from += PIECE) {
        const piece = units.subarray(from, Math.min(end, from + PIECE));
        text += String.fromCharCode(...piece);
      }
      return text;
    },
  };
}
