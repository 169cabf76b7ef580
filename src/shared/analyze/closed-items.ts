// When an item of an answer that is still being written is whole: nothing that
// may follow changes it any more.

import { hasPolygons } from "../parse/polygons.ts";
import { isText } from "../parse/pieces.ts";
import type { AnyTask } from "../tasks/index.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/**
 * How many of the ids so far hold whole items only.
 *
 * @param ids of the answer so far; asked after each token.
 * @returns null where the last token closed none.
 */
export type ClosedPart = (ids: readonly number[]) => number | null;

/**
 * The rule for one answer of a task; null where items are known at its end only.
 *
 * @param suppressed ids the model can never write.
 */
export function closedPartOf(
  answers: AnyTask["answers"],
  tokenizer: Tokenizer,
  suppressed: readonly number[],
): ClosedPart | null {
  switch (answers) {
    case "text":
      return null;
    case "boxes":
      return closedRuns(4, tokenizer);
    case "quads":
      return closedRuns(8, tokenizer);
    case "polygons":
      return closedPolygons(tokenizer);
    case "mixed": {
      // One `<poly>` anywhere makes outlines of what looks like boxes.
      if (suppressed.includes(tokenizer.special.polyOpen))
        return closedRuns(4, tokenizer);
      const polygons = closedPolygons(tokenizer);
      return (ids) => {
        const part = polygons(ids);
        const isCertain =
          part !== null && hasPolygons(ids.slice(0, part), tokenizer);
        return isCertain ? part : null;
      };
    }
  }
}

/** Every run of `count` bins closes a box or a quad. */
function closedRuns(count: number, tokenizer: Tokenizer): ClosedPart {
  let bins = 0;
  return (ids) => {
    const id = ids.at(-1)!;
    if (tokenizer.locationBin(id) === undefined) {
      // Other added tokens stand in a run without ending it.
      if (isText(id, tokenizer) || isMark(id, tokenizer)) bins = 0;
      return null;
    }
    bins += 1;
    return bins % count === 0 ? ids.length : null;
  };
}

/**
 * `</poly>` closes what `<poly>` opened, and a text whatever came before it.
 * A `<poly>` alone closes nothing: if the answer is cut there, the outline
 * before it counts as cut.
 */
function closedPolygons(tokenizer: Tokenizer): ClosedPart {
  const { polyOpen, polyClose } = tokenizer.special;
  let isOpen = false;
  let isTextLast = false;
  return (ids) => {
    const id = ids.at(-1)!;
    if (isText(id, tokenizer)) {
      isOpen = false;
      const isFirst = !isTextLast;
      isTextLast = true;
      return isFirst ? ids.length - 1 : null;
    }
    isTextLast = false;
    if (id === polyOpen) isOpen = true;
    if (id !== polyClose || !isOpen) return null;
    isOpen = false;
    return ids.length;
  };
}

function isMark(id: number, { special }: Tokenizer): boolean {
  const { separator, polyOpen, polyClose, and } = special;
  return [separator, polyOpen, polyClose, and].includes(id);
}
