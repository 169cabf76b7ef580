// The inflated rows of a PNG, as a stream that is read no further than asked.
// Not the platform's `DecompressionStream`: in workerd it inflates all that it
// was given, with no regard to how fast its output is read.

import { Unzlib } from "fflate";
import { undecodable } from "./image-header.ts";

/** Compressed bytes inflated at a time: at most 17 MB of output wait. */
const PIECE = 16_384;

/** Hands out the filtered rows of a PNG, inflating as they are asked for. */
export class PngRows {
  readonly #pieces: Generator<Uint8Array>;
  readonly #inflater: Unzlib;
  #chunk = new Uint8Array(0);
  #at = 0;

  /** @param parts the IDAT chunks' contents, in order; read, not kept. */
  constructor(parts: readonly Uint8Array[]) {
    this.#pieces = piecesOf(parts);
    this.#inflater = new Unzlib((chunk) => {
      this.#chunk = chunk as Uint8Array<ArrayBuffer>;
      this.#at = 0;
    });
  }

  /**
   * Fills `row` and returns the filter byte before it.
   *
   * @throws FlorenceError `image_undecodable` where the data is not valid or ends.
   */
  read(row: Uint8Array): number {
    while (this.#at >= this.#chunk.length) this.#inflateMore();
    const filter = this.#chunk[this.#at]!;
    this.#at += 1;
    let filled = 0;
    while (filled < row.length) {
      while (this.#at >= this.#chunk.length) this.#inflateMore();
      const end = this.#at + row.length - filled;
      const part = this.#chunk.subarray(this.#at, end);
      row.set(part, filled);
      filled += part.length;
      this.#at += part.length;
    }
    return filter;
  }

  #inflateMore(): void {
    const piece = this.#pieces.next();
    if (piece.done === true)
      throw undecodable("PNG", "is cut off: some rows are missing");
    try {
      this.#inflater.push(piece.value);
    } catch (cause) {
      throw undecodable("PNG", "is damaged: its compressed data is not valid", cause); // prettier-ignore
    }
  }
}

function* piecesOf(parts: readonly Uint8Array[]): Generator<Uint8Array> {
  for (const part of parts)
    for (let at = 0; at < part.length; at += PIECE)
      yield part.subarray(at, at + PIECE);
}
