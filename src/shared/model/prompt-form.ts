// The form of a prompt: its fixed text as ids, and where a caller's words
// stand in it.

import type { Tokenizer } from "../tokenizer/tokenizer.ts";

/** One prompt, or all that differ in a caller's words alone. */
export interface PromptForm {
  /** Ids of the fixed text, `<s>` and `</s>` included. */
  readonly prompt: readonly number[];
  /** Given, any words stand before this position of `prompt`. */
  readonly openAt?: number;
}

const INPUT = "{input}";

/** The form of a prompt in which `{input}` stands for a caller's words. */
export function promptForm(text: string, tokenizer: Tokenizer): PromptForm {
  const at = text.indexOf(INPUT);
  if (at < 0) return { prompt: tokenizer.encode(text) };
  const { bos, eos } = tokenizer.special;
  // The space before a word is part of the word's first token.
  const before = text.slice(0, at).trimEnd();
  const begin = [bos, ...tokenizer.encodePlain(before)];
  const end = [...tokenizer.encodePlain(text.slice(at + INPUT.length)), eos];
  return { prompt: [...begin, ...end], openAt: begin.length };
}

/**
 * The form that a prompt has: the one without a caller's words if there is
 * such, else the one with the most fixed text.
 */
export function findForm<F extends PromptForm>(
  forms: readonly F[],
  ids: readonly number[],
): F | undefined {
  return forms
    .filter((form) => hasForm(ids, form))
    .sort((a, b) => fixedLength(b) - fixedLength(a))[0];
}

function fixedLength({ prompt, openAt }: PromptForm): number {
  return openAt === undefined ? Infinity : prompt.length;
}

function hasForm(
  ids: readonly number[],
  { prompt, openAt }: PromptForm,
): boolean {
  if (openAt === undefined)
    return (
      prompt.length === ids.length && prompt.every((id, at) => id === ids[at])
    );
  const more = ids.length - prompt.length;
  return (
    more > 0 &&
    prompt.every((id, at) => id === ids[at < openAt ? at : at + more])
  );
}
