import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import { FLORENCE_TOKENS } from "../../../src/shared/tokenizer/florence-tokens.ts";
import { loadTokenizer } from "../../../src/shared/tokenizer/tokenizer.ts";
import { byteTokenizer, byteTokenizerFiles } from "./byte-tokenizer.ts";

const rejectsBundle = async (
  files: Readonly<Record<string, string | object>>,
  message: RegExp,
) => {
  await assert.rejects(loadTokenizer(files), (error) => {
    assert.ok(isFlorenceError(error) && error instanceof Error);
    assert.equal(error.code, "bundle_invalid");
    assert.match(error.message, message);
    return true;
  });
};

describe("Florence-2's own tokens", () => {
  test("are 1,024 in the order of their ids", () => {
    assert.equal(FLORENCE_TOKENS.length, 1024);
    assert.equal(FLORENCE_TOKENS.indexOf("<loc_0>"), 50269 - 50265);
    assert.equal(FLORENCE_TOKENS.indexOf("<cap>"), 51269 - 50265);
    assert.equal(FLORENCE_TOKENS.indexOf("<sep>"), 51279 - 50265);
    assert.equal(FLORENCE_TOKENS.indexOf("</poly>"), 51287 - 50265);
    assert.equal(FLORENCE_TOKENS.at(-1), "<and>");
  });

  test("are appended where a vocabulary lacks them", () => {
    assert.equal(byteTokenizer.size, 4 + 256 + 1024);
    assert.equal(byteTokenizer.special.firstLocation, 264);
    assert.equal(byteTokenizer.tokenText(264), "<loc_0>");
    assert.equal(byteTokenizer.locationBin(264 + 999), 999);
    assert.equal(byteTokenizer.locationBin(263), undefined);
    assert.equal(byteTokenizer.locationBin(264 + 1000), undefined);
  });
});

describe("encode", () => {
  test("makes ids of added tokens and frames the text", () => {
    const ids = byteTokenizer.encode("a<loc_5></s>");
    const { bos, eos, firstLocation } = byteTokenizer.special;
    assert.deepEqual(ids, [bos, 4 + 97, firstLocation + 5, eos, eos]);
  });

  test("merges the best pair first, and the leftmost of equals", async () => {
    const merges = [
      ["b", "c"],
      ["a", "b"],
      ["a", "a"],
    ] as const;
    const tokenizer = await loadTokenizer(byteTokenizerFiles(merges));
    const tokensOf = (text: string) =>
      tokenizer.encodePlain(text).map((id) => tokenizer.tokenText(id));
    assert.deepEqual(tokensOf("abc"), ["a", "bc"]);
    assert.deepEqual(tokensOf("abab"), ["ab", "ab"]);
    assert.deepEqual(tokensOf("aaa"), ["aa", "a"]);
  });

  test("takes a run of 100,000 equal letters", async () => {
    const merges = [
      ["a", "a"],
      ["aa", "aa"],
    ] as const;
    const tokenizer = await loadTokenizer(byteTokenizerFiles(merges));
    assert.equal(tokenizer.encodePlain("a".repeat(100_000)).length, 25_000);
  });

  test("keeps words apart as GPT-2 does", async () => {
    const merges = [
      ["a", "b"],
      ["Ġ", "a"],
      ["'", "s"],
    ] as const;
    const tokenizer = await loadTokenizer(byteTokenizerFiles(merges));
    const tokensOf = (text: string) =>
      tokenizer.encodePlain(text).map((id) => tokenizer.tokenText(id));
    assert.deepEqual(tokensOf("a b"), ["a", "Ġ", "b"]);
    assert.deepEqual(tokensOf("ab's"), ["ab", "'s"]);
    // the last of several spaces belongs to the word
    assert.deepEqual(tokensOf("  a"), ["Ġ", "Ġa"]);
  });
});

describe("encodePlain", () => {
  test("never makes an added token of a caller's text", () => {
    for (const token of [...FLORENCE_TOKENS, "</s>", "<s>", "<pad>", "<unk>"]) {
      const ids = byteTokenizer.encodePlain(`x ${token}y`);
      assert.equal(byteTokenizer.decode(ids), `x ${token}y`);
      assert.ok(!ids.some((id) => byteTokenizer.isAdded(id)), token);
    }
  });

  test("never builds an added token by merging", async () => {
    const files = byteTokenizerFiles([["<", "s"]]);
    const json = files["tokenizer.json"] as {
      added_tokens: { id: number; content: string }[];
    };
    json.added_tokens.push({ id: 4 + 256, content: "<s" });
    const tokenizer = await loadTokenizer(files);
    assert.deepEqual(
      tokenizer.encodePlain("<s").map((id) => tokenizer.isAdded(id)),
      [false, false],
    );
  });
});

describe("decode", () => {
  test("keeps characters of several tokens, and byte order marks", () => {
    for (const text of ["é 中 👩‍👩‍👧", "\ufeffmarks\ufeff", "a\u0085\u2028b", ""]) {
      const ids = byteTokenizer.encodePlain(text);
      assert.equal(byteTokenizer.decode(ids), text);
    }
  });

  test("writes a lone surrogate as the replacement character", () => {
    const ids = byteTokenizer.encodePlain("a\ud800b");
    assert.equal(byteTokenizer.decode(ids), "a\ufffdb");
  });

  test("skips special tokens only if asked", () => {
    const ids = byteTokenizer.encode("car<loc_1>");
    assert.equal(byteTokenizer.decode(ids), "<s>car<loc_1></s>");
    const plain = byteTokenizer.decode(ids, { skipSpecialTokens: true });
    assert.equal(plain, "car");
  });

  test("passes over ids that are no token", () => {
    const ids = [-1, 68 + 4, 99_999, Number.NaN, 0.5];
    assert.equal(byteTokenizer.decode(ids), byteTokenizer.decode([72]));
  });
});

describe("loadTokenizer", () => {
  test("reads added tokens beyond Florence-2's", async () => {
    const files = byteTokenizerFiles();
    const tokenizer = await loadTokenizer({
      ...files,
      "added_tokens.json": { "<score_0>": 260, "<score_1>": 261 },
    });
    assert.equal(tokenizer.size, 262 + 1024);
    assert.ok(tokenizer.isAdded(261));
    assert.deepEqual(tokenizer.encode("<score_1>"), [0, 261, 2]);
  });

  test("lets <mask> take the blanks on its left", async () => {
    const tokenizer = await loadTokenizer({
      ...byteTokenizerFiles(),
      "tokenizer_config.json": JSON.stringify({
        added_tokens_decoder: {
          "260": { content: "<mask>", lstrip: true, special: true },
        },
      }),
    });
    assert.equal(
      tokenizer.decode(tokenizer.encode("a  <mask> b")),
      "<s>a<mask> b</s>",
    );
  });

  test("refuses files that are no tokenizer of this kind", async () => {
    await rejectsBundle({}, /No tokenizer among no files/u);
    await rejectsBundle({ "vocab.json": {} }, /vocab\.json and merges\.txt/u);
    await rejectsBundle({ "tokenizer.json": "{" }, /not JSON/u);
    const { "tokenizer.json": json } = byteTokenizerFiles();
    const normalizer = { type: "NFC" };
    await rejectsBundle(
      { "tokenizer.json": { ...json, normalizer } },
      /normalizer/u,
    );
    await rejectsBundle(
      {
        "tokenizer.json": { ...json, model: { vocab: { a: -1 }, merges: [] } },
      },
      /map from tokens to ids/u,
    );
  });

  test("refuses a vocabulary its merges do not belong to", async () => {
    const vocabulary = { "<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, a: 4 };
    await rejectsBundle(
      { "vocab.json": vocabulary, "merges.txt": "#version: 0.2\na b\n" },
      /merges \["a","b"\]/u,
    );
    await rejectsBundle(
      { "vocab.json": vocabulary, "merges.txt": "a b c" },
      /"a b c" is not a pair/u,
    );
  });

  test("refuses ids that no table has room for", async () => {
    for (const id of [2 ** 22, 4e9, -1, 0.5]) {
      const added = { content: "<far>", id, special: true };
      const files = byteTokenizerFiles();
      const json = files["tokenizer.json"];
      await rejectsBundle(
        { ...files, "tokenizer.json": { ...json, added_tokens: [added] } },
        /gives "<far>" the id .*from 0 to 4194303/u,
      );
    }
  });

  test("refuses a vocabulary without 1,000 locations in a row", async () => {
    const vocabulary = {
      "<s>": 0,
      "<pad>": 1,
      "</s>": 2,
      "<unk>": 3,
      "<loc_0>": 4,
    };
    await rejectsBundle(
      { "vocab.json": vocabulary, "merges.txt": "" },
      /1 location tokens/u,
    );
  });
});
