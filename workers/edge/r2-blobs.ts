// The blob port over R2.

import type { Blobs } from "../../src/http/ports/blobs.ts";

/** R2 takes at most this many keys in one delete. */
const MAX_DELETE = 1000;

export function r2Blobs(bucket: R2Bucket): Blobs {
  return {
    async get(key) {
      const object = await bucket.get(key);
      if (object === null) return null;
      const mediaType =
        object.httpMetadata?.contentType ?? "application/octet-stream";
      return { bytes: new Uint8Array(await object.arrayBuffer()), mediaType };
    },
    async put(key, bytes, contentType) {
      await bucket.put(key, bytes, { httpMetadata: { contentType } });
    },
    async delete(keys) {
      for (let first = 0; first < keys.length; first += MAX_DELETE) {
        await bucket.delete(keys.slice(first, first + MAX_DELETE));
      }
    },
  };
}
