// A whole bundle among the static assets, or in a bucket: read in pieces, so
// that no file of weights is ever in JavaScript's memory.

import { FlorenceError } from "../../src/shared/errors.ts";
import type { BundleSource } from "../../src/shared/model/bundle-source.ts";

/** Bytes read at a time. */
const PIECE_BYTES = 256 * 1024;

/** With the last one the buffer comes back, whatever the types say. */
interface Piece {
  readonly done: boolean;
  readonly value?: Uint8Array<ArrayBuffer>;
}

/** Where a bundle's files are. */
export type OpenFile = (
  file: string,
) => Promise<ReadableStream<Uint8Array> | null>;

/** Files of the static assets. */
export function assetFiles(assets: Fetcher): OpenFile {
  return async (file) => {
    // The host name is not looked at: the binding serves this Worker's own.
    const response = await assets.fetch(`https://assets.local/${file}`);
    if (response.ok) return response.body;
    await response.body?.cancel();
    return null;
  };
}

/** Files of a bucket, under a folder's name. */
export function bucketFiles(bucket: R2Bucket, folder: string): OpenFile {
  return async (file) => {
    const object = await bucket.get(`${folder}/${file}`);
    return object?.body ?? null;
  };
}

/** The bundle whose files `open` gives. */
export function storedBundle(name: string, open: OpenFile): BundleSource {
  async function* stream(file: string): AsyncGenerator<Uint8Array> {
    const body = await open(file);
    if (body === null) {
      throw new FlorenceError(
        "bundle_invalid",
        `${file} is not where the Worker looks for its bundle (${name}). Deploy script and bundle together.`,
      );
    }
    const reader = body.getReader({ mode: "byob" });
    try {
      // One buffer for all pieces, and full ones: the collector would not keep up
      // with buffers, nor with what each piece takes beside its bytes.
      let room = new ArrayBuffer(PIECE_BYTES);
      for (;;) {
        const view = new Uint8Array(room);
        const { done, value } = (await reader.readAtLeast(
          PIECE_BYTES,
          view,
        )) as Piece;
        if (value !== undefined && value.byteLength > 0) yield value;
        if (done || value === undefined) {
          value?.buffer.transfer(0);
          return;
        }
        room = value.buffer;
      }
    } finally {
      // Nothing is left to read, or nobody reads on.
      await reader.cancel().catch(() => undefined);
    }
  }
  return {
    name,
    stream,
    async read(file) {
      const pieces: Uint8Array[] = [];
      for await (const piece of stream(file)) pieces.push(piece.slice());
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
      const bytes = new Uint8Array(length);
      let at = 0;
      for (const piece of pieces) {
        bytes.set(piece, at);
        at += piece.length;
      }
      return bytes;
    },
  };
}
