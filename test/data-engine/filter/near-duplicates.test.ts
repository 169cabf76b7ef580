import assert from "node:assert/strict";
import { test } from "node:test";
import {
  differenceHash,
  hammingDistance,
} from "../../../src/data-engine/annotate/difference-hash.ts";
import { findCopies } from "../../../src/data-engine/filter/near-duplicates.ts";
import { createRandom } from "../../../src/data-engine/compose/random.ts";
import { resizeBicubic } from "../../../src/shared/image/resize-bicubic.ts";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";
import { readPhoto } from "../../../src/data-engine/annotate/read-photo.ts";

test("finds exactly the copies a search of all pairs finds", () => {
  const random = createRandom(3, 0);
  const hashes: string[] = [];
  for (let index = 0; index < 300; index += 1) {
    // Half of them differ from an earlier one in up to eight bits.
    let bits =
      index > 0 && random.chance(0.5)
        ? BigInt(`0x${random.pick(hashes)}`)
        : BigInt(random.whole(0, 2 ** 31)) ** 2n % 2n ** 64n;
    const flips = random.whole(0, 8);
    for (let flip = 0; flip < flips; flip += 1)
      bits ^= 1n << BigInt(random.whole(0, 63));
    hashes.push(bits.toString(16).padStart(16, "0"));
  }
  const photos = hashes.map((dhash, index) => ({ path: String(index), dhash }));
  for (const maxBits of [0, 1, 4, 6]) {
    const originals: typeof photos = [];
    const expected: string[] = [];
    for (const photo of photos) {
      const isCopy = originals.some(
        ({ dhash }) => hammingDistance(dhash, photo.dhash) <= maxBits,
      );
      if (isCopy) expected.push(photo.path);
      else originals.push(photo);
    }
    const found = findCopies(photos, maxBits);
    assert.deepEqual(
      found.map(({ path }) => path),
      expected,
    );
    for (const { path, of, bits } of found) {
      const distance = hammingDistance(
        hashes[Number(path)]!,
        hashes[Number(of)]!,
      );
      assert.equal(distance, bits);
      assert.ok(bits <= maxBits);
    }
  }
});

test("hashes a smaller copy alike, and another photo differently", async () => {
  const codecs = await loadImageCodecs();
  const surfer = await readPhoto("examples/photos", "surfer.jpg", codecs);
  const { image, facts } = surfer;
  const small = resizeBicubic(image, image.width >> 1, image.height >> 1);
  assert.ok(hammingDistance(facts.dhash, differenceHash(small)) <= 2);
  const path = "caltech-dolphin-0038.webp";
  const dolphin = await readPhoto("test/data/photos", path, codecs);
  assert.ok(hammingDistance(facts.dhash, dolphin.facts.dhash) > 10);
});
