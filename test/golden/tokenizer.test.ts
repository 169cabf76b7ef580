// The tokenizer against the reference's: 400 strings encoded and decoded, from
// each form that a checkpoint's tokenizer is published in. Exact.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { loadTokenizer } from "../../src/shared/tokenizer/tokenizer.ts";
import { tokenizerFiles } from "./random-checkpoint.ts";

interface Decoded {
  readonly ids: readonly number[];
  readonly decoded: string;
  readonly decoded_plain: string;
}

interface Encoded extends Decoded {
  readonly text?: string;
  /** In place of `text` where that holds a lone surrogate. */
  readonly utf16?: readonly number[];
}

const golden = JSON.parse(
  readFileSync(join(import.meta.dirname, "tokenizer.json"), "utf8"),
) as {
  readonly strings: readonly Encoded[];
  readonly decode_only: readonly Decoded[];
};

const native = tokenizerFiles({ naming: "native" });
const original = tokenizerFiles({ naming: "original" });
const FORMS = {
  "tokenizer.json of the native form": native,
  "tokenizer.json of the original form": original,
  "vocab.json and merges.txt alone": {
    "vocab.json": original["vocab.json"] ?? "",
    "merges.txt": original["merges.txt"] ?? "",
  },
};

const textOf = (row: Encoded): string =>
  row.text ?? String.fromCharCode(...(row.utf16 ?? []));

for (const [form, files] of Object.entries(FORMS)) {
  describe(`Tokenizer from ${form}`, async () => {
    const tokenizer = await loadTokenizer(files);
    // only the native form has <image>
    const strings = golden.strings.filter(
      (row) => files === native || !row.ids.includes(51289),
    );

    test(`encodes ${strings.length} strings as the reference`, () => {
      for (const row of strings) {
        const ids = tokenizer.encode(textOf(row));
        assert.deepEqual(ids, row.ids, JSON.stringify(textOf(row)));
      }
    });

    test("decodes as the reference, with and without special tokens", () => {
      for (const row of [...strings, ...golden.decode_only]) {
        assert.equal(tokenizer.decode(row.ids), row.decoded);
        const plain = tokenizer.decode(row.ids, { skipSpecialTokens: true });
        assert.equal(plain, row.decoded_plain);
      }
    });

    test("never makes an added token of a caller's text", () => {
      for (const row of strings) {
        const ids = tokenizer.encodePlain(textOf(row));
        const added = ids.filter((id) => tokenizer.isAdded(id));
        assert.deepEqual(added, [], JSON.stringify(textOf(row)));
      }
    });
  });
}
