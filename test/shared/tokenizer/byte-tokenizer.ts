// The smallest tokenizer there is: one token per byte, no merges, and
// Florence-2's added tokens, which loading appends.

import { CHARACTER_OF_BYTE } from "../../../src/shared/tokenizer/byte-alphabet.ts";
import {
  loadTokenizer,
  type Tokenizer,
} from "../../../src/shared/tokenizer/tokenizer.ts";

/** Files of a byte tokenizer; merges join bytes into longer tokens. */
export function byteTokenizerFiles(
  merges: readonly (readonly [string, string])[] = [],
): { readonly "tokenizer.json": object } {
  const special = ["<s>", "<pad>", "</s>", "<unk>"];
  const tokens = [
    ...special,
    ...CHARACTER_OF_BYTE,
    ...merges.map((pair) => pair.join("")),
  ];
  return {
    "tokenizer.json": {
      normalizer: null,
      pre_tokenizer: {
        type: "ByteLevel",
        add_prefix_space: false,
        use_regex: true,
      },
      model: {
        type: "BPE",
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges,
      },
      added_tokens: special.map((content, id) => ({
        id,
        content,
        special: true,
      })),
    },
  };
}

export const byteTokenizer: Tokenizer =
  await loadTokenizer(byteTokenizerFiles());
