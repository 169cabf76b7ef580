// A vision pass as bytes, for the store: exact, and refused if a bit of it has
// changed.
//
//   0  "FLSI"
//   4  length of the header, little-endian
//   8  header: JSON in UTF-8, spaces at its end up to a multiple of 4
//   …  features, float32, little-endian

import * as v from "valibot";
import type { PromptSight } from "../../shared/model/model.ts";
import type { SeenImage } from "../../shared/analyze/seen-image.ts";

/** Media type of the bytes. */
export const SEEN_IMAGE_TYPE = "application/vnd.florence.seen-image";

const MAGIC = 0x49534c46; // "FLSI", little-endian

/** Characters of a SHA-256 in hexadecimal. */
const HASH_LENGTH = 64;

const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

const Sight = v.strictObject({
  prompt: v.array(Count),
  openAt: v.exactOptional(Count),
  hintIds: v.exactOptional(v.array(Count)),
  isForWords: v.exactOptional(v.boolean()),
  answer: v.exactOptional(
    v.strictObject({ ids: v.array(Count), logProbs: v.array(v.number()) }),
  ),
  outlines: v.exactOptional(
    v.array(v.strictObject({ box: v.array(Count), ids: v.array(Count) })),
  ),
});

const Header = v.strictObject({
  version: v.literal(1),
  /** Of the features' bytes, lower-case hexadecimal. */
  data_sha256: v.string(),
  features: v.strictObject({
    tokens: Count,
    width: Count,
    hintIds: v.array(Count),
    inputSize: Count,
    sights: v.exactOptional(v.array(Sight)),
  }),
  image: v.object({
    width: Count,
    height: Count,
    media_type: v.string(),
    sha256: v.string(),
    orientation_applied: v.boolean(),
  }),
  modelRevision: v.string(),
});

/** Lower-case hexadecimal SHA-256. */
export type Hash = (bytes: Uint8Array) => Promise<string>;

/**
 * The bytes of a vision pass. Its values are copied before anything is waited for:
 * the pass may be given back then. They are little-endian in memory as well,
 * wherever this runs.
 */
export async function encodeSeenImage(
  { features, image, modelRevision }: SeenImage,
  sha256: Hash,
): Promise<Uint8Array> {
  // A spread would take what `Header` does not know along.
  const { data, tokens, width, hintIds, inputSize, sights } = features;
  const headerOf = (dataSha256: string): Uint8Array => {
    const header: v.InferInput<typeof Header> = {
      version: 1,
      data_sha256: dataSha256,
      features: {
        ...{ tokens, width, hintIds: [...hintIds], inputSize },
        ...(sights !== undefined && { sights: sights.map(copySight) }),
      },
      image,
      modelRevision,
    };
    return new TextEncoder().encode(JSON.stringify(header));
  };
  const { length } = headerOf("0".repeat(HASH_LENGTH));
  const dataStart = 8 + Math.ceil(length / 4) * 4;
  const bytes = new Uint8Array(dataStart + data.byteLength);
  const dataBytes = bytes.subarray(dataStart);
  dataBytes.set(bytesOf(data));
  bytes.fill(0x20, 8, dataStart);
  bytes.set(headerOf(await sha256(dataBytes)), 8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, dataStart - 8, true);
  return bytes;
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function copySight({
  prompt,
  openAt,
  hintIds,
  isForWords,
  answer,
  outlines,
}: PromptSight): v.InferInput<typeof Sight> {
  return {
    prompt: [...prompt],
    ...(openAt !== undefined && { openAt }),
    ...(hintIds !== undefined && { hintIds: [...hintIds] }),
    ...(isForWords !== undefined && { isForWords }),
    ...(answer !== undefined && {
      answer: { ids: [...answer.ids], logProbs: [...answer.logProbs] },
    }),
    ...(outlines !== undefined && {
      outlines: outlines.map(({ box, ids }) => ({
        box: [...box],
        ids: [...ids],
      })),
    }),
  };
}

/**
 * The vision pass that bytes hold.
 *
 * @returns null if they are damaged, or not of this release.
 */
export async function decodeSeenImage(
  bytes: Uint8Array,
  sha256: Hash,
): Promise<SeenImage | null> {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const dataStart = 8 + view.getUint32(4, true);
  if (view.getUint32(0, true) !== MAGIC || dataStart > bytes.length)
    return null;
  const header = parseHeader(bytes.subarray(8, dataStart));
  if (header === null) return null;
  const { data_sha256: dataSha256, features, image, modelRevision } = header;
  const dataBytes = bytes.subarray(dataStart);
  if (dataBytes.length !== features.tokens * features.width * 4) return null;
  if ((await sha256(dataBytes)) !== dataSha256) return null;
  const data = new Float32Array(features.tokens * features.width);
  bytesOf(data).set(dataBytes);
  return { features: { ...features, data }, image, modelRevision };
}

function parseHeader(bytes: Uint8Array): v.InferOutput<typeof Header> | null {
  try {
    const text = new TextDecoder("utf-8", {
      fatal: true,
      ignoreBOM: false,
    }).decode(bytes);
    return v.parse(Header, JSON.parse(text));
  } catch {
    // Whatever it is, it is no header of ours.
    return null;
  }
}
