import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import {
  loadTokenizer,
  type Tokenizer,
} from "../../src/shared/tokenizer/tokenizer.ts";

/** The tokenizer of Florence-2. */
export function loadGoldenTokenizer(): Promise<Tokenizer> {
  return loadTokenizer({
    "vocab.json": readGzipped("vocab.json.gz"),
    "merges.txt": readGzipped("merges.txt.gz"),
  });
}

function readGzipped(file: string): string {
  const path = new URL(`../golden/tokenizer/${file}`, import.meta.url);
  return gunzipSync(readFileSync(path)).toString("utf8");
}
