// A task's prompt as text, without a model at hand.

import type { AnyTask } from "../shared/tasks/index.ts";
import type { Tokenizer } from "../shared/tokenizer/tokenizer.ts";

/**
 * The prompt of a task's example on an image of 1,000 by 1,000 pixels, where a
 * location token's number is its pixel. Other added tokens have no name here.
 */
export function taskPrompt(task: AnyTask): string {
  const size = { width: 1000, height: 1000 };
  const [parts = []] = task.prompts(task.example, {
    tokenizer: NAMELESS,
    image: size,
    scale: size,
  });
  return parts
    .map((part) => (typeof part === "string" ? part : locationName(part.token)))
    .join("");
}

function locationName(token: number): string {
  return token < 1000 ? `<loc_${token}>` : SPECIAL_NAMES[token - 1000]!;
}

const SPECIAL_NAMES = ["<and>", "<sep>", "<poly>", "</poly>"];

/** Enough of a tokenizer to write prompts: locations are 0 to 999. */
const NAMELESS: Tokenizer = {
  size: 1004,
  special: {
    bos: 0,
    eos: 0,
    pad: 0,
    unk: 0,
    firstLocation: 0,
    locationCount: 1000,
    and: 1000,
    separator: 1001,
    polyOpen: 1002,
    polyClose: 1003,
  },
  encode: () => [],
  encodePlain: () => [],
  decode: () => "",
  isAdded: () => true,
  tokenText: locationName,
  locationBin: (id) => (id < 1000 ? id : undefined),
};
