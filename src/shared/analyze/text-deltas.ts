// A text told while it is written, token by token: whole characters only, and
// none that the finished text will not have.

import type { Answer } from "../parse/answer.ts";
import { isText } from "../parse/pieces.ts";
import { parseText } from "../parse/text.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** Turns the tokens of one answer into deltas. */
export interface TextDeltas {
  push(id: number): void;
  /** Tells what was held back; `answer` is the one whose tokens were pushed. */
  end(answer: Answer): void;
}

/** What a decoder makes of bytes that are no character, or none yet. */
const REPLACEMENT = "\uFFFD";

/** @param tell called with each delta; none is empty. */
export function createTextDeltas(
  tokenizer: Tokenizer,
  tell: (delta: string) => void,
): TextDeltas {
  let pending: number[] = [];
  // Blanks at the ends are trimmed off the finished text.
  let blanks = "";
  let told = "";

  const take = (delta: string): void => {
    if (delta === "") return;
    told += delta;
    tell(delta);
  };

  return {
    push(id) {
      if (!isText(id, tokenizer)) return;
      pending.push(id);
      const text = tokenizer.decode(pending);
      if (text.endsWith(REPLACEMENT)) return;
      pending = [];
      const whole = told === "" ? text.trimStart() : blanks + text;
      const shown = whole.trimEnd();
      blanks = whole.slice(shown.length);
      take(shown);
    },
    end(answer) {
      const text = parseText(answer.ids, tokenizer).items[0]?.text ?? "";
      if (!text.startsWith(told)) {
        throw new Error("internal: a text was told that is not in the result");
      }
      take(text.slice(told.length));
    },
  };
}
