// Thousands of broken files: an image or a FlorenceError, nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { loadImageCodecs } from "../../../src/node/image-codecs.ts";
import { isFlorenceError } from "../../../src/shared/errors.ts";
import { decodeImage } from "../../../src/shared/image/decode-image.ts";
import {
  imageJson,
  picture,
  pictureNames,
  sha256,
  withChecksums,
} from "./image-data.ts";

const codecs = await loadImageCodecs();
const names = pictureNames();
const originals = names.map(picture);
const CASES = 4000;

/** Uniform whole numbers below a bound (Marsaglia's xorshift, 32 bits). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Decodes; fails the test for anything but a sound image or a FlorenceError. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    const { image, size } = await decodeImage(bytes, codecs, {
      // A flipped bit in a header may ask for a picture of this size.
      limits: { minSide: 1, maxPixels: 1_000_000 },
    });
    assert.equal(image.data.length, image.width * image.height * 3);
    assert.deepEqual(size, { width: image.width, height: image.height });
    return "image";
  } catch (error) {
    assert.ok(isFlorenceError(error), String(error));
    assert.ok(error.message.length < 400, error.message);
    return error.code;
  }
}

async function count(
  cases: number,
  make: (index: number) => Uint8Array,
): Promise<Record<string, number>> {
  const outcomes: Record<string, number> = {};
  for (let index = 0; index < cases; index += 1) {
    const code = await outcome(make(index));
    outcomes[code] = (outcomes[code] ?? 0) + 1;
  }
  return outcomes;
}

test("survives noise, bare and behind a known signature", async () => {
  const random = seeded(1);
  const outcomes = await count(CASES, (index) => {
    const bytes = new Uint8Array(random(400));
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = random(256);
    if (index % 4 > 0) {
      const head = originals[random(originals.length)]!;
      bytes.set(head.subarray(0, Math.min(bytes.length, 8 + random(60))));
    }
    return bytes;
  });
  assert.ok((outcomes["image"] ?? 0) < CASES / 100, JSON.stringify(outcomes));
  assert.equal(outcomes["internal"], undefined);
});

test("survives flipped bits", async (context) => {
  const random = seeded(2);
  const outcomes = await count(CASES, (index) => {
    const bytes = new Uint8Array(originals[index % originals.length]!);
    const flips = 1 + random(8);
    // Half of them near the start, where the headers are.
    const reach = random(2) === 0 ? bytes.length : Math.min(bytes.length, 400);
    for (let flip = 0; flip < flips; flip += 1)
      bytes[random(reach)]! ^= 1 << random(8);
    // With right checksums more of a PNG's damage reaches the decoder.
    return random(3) === 0 ? bytes : withChecksums(bytes);
  });
  context.diagnostic(JSON.stringify(outcomes));
  assert.equal(outcomes["internal"], undefined);
});

test("survives files cut short, spliced and overwritten", async (context) => {
  const random = seeded(3);
  const outcomes = await count(CASES, (index) => {
    const bytes = originals[index % originals.length]!;
    const cut = random(bytes.length);
    const kind = random(3);
    if (kind === 0) return bytes.subarray(0, cut);
    const copy = new Uint8Array(bytes);
    const other = originals[random(originals.length)]!;
    const from = random(other.length);
    const part = other.subarray(from, from + 1 + random(64));
    copy.set(part.subarray(0, copy.length - cut), cut);
    if (kind === 1) return withChecksums(copy);
    return copy.subarray(0, copy.length - random(20));
  });
  context.diagnostic(JSON.stringify(outcomes));
  assert.equal(outcomes["internal"], undefined);
});

test("decodes every good file afterwards, with the same codecs", async () => {
  const { files } = imageJson("decode.json") as {
    files: readonly { readonly file: string; readonly sha256: string }[];
  };
  for (const { file, sha256: expected } of files) {
    const options = { limits: { minSide: 1 } };
    const { image } = await decodeImage(picture(file), codecs, options);
    assert.equal(sha256(image.data), expected, file);
  }
});
