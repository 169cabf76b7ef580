import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, deflateRawSync, deflateSync } from "node:zlib";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import { PngRows } from "../../../src/shared/image/png-rows.ts";
import { makePng } from "./image-data.ts";

test("inflates no further than the rows that are asked for", () => {
  // Two bytes of zlib's header, then a million zeros again and again: 20 GB.
  const megabyte = deflateRawSync(new Uint8Array(1_000_000), {
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  const parts: Uint8Array[] = [Uint8Array.of(0x78, 0x9c)];
  let taken = 0;
  for (let index = 1; index <= 20_000; index += 1)
    Object.defineProperty(parts, index, {
      get() {
        taken = Math.max(taken, index);
        return megabyte;
      },
    });
  const rows = new PngRows(parts);
  const row = new Uint8Array(1000).fill(1);
  assert.equal(rows.read(row), 0);
  assert.deepEqual(row, new Uint8Array(1000));
  assert.equal(taken, 1);
});

test("reads a small picture out of a bomb and leaves the rest", async () => {
  const bomb = makePng(
    { width: 100, height: 100 },
    deflateSync(new Uint8Array(64_000_000)),
  );
  const { image } = await decodeImage(bomb, await loadImageCodecs());
  assert.deepEqual(image.data, new Uint8Array(30_000));
});
