// The inflated rows of a PNG, as a stream that is read no further than asked.

import { undecodable } from "./image-header.ts";

/** Compressed bytes handed over at a time: at most 17 MB inflated wait. */
const PIECE = 16_384;

/**
 * Hands out the filtered rows of a PNG, inflated by the platform.
 *
 * @example
 *   const rows = new PngRows(header.compressed);
 *   const filter = rows.tryRead(row) ?? (await rows.read(row));
 */
export class PngRows {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk = new Uint8Array(0);
  #at = 0;

  /** @param parts the IDAT chunks' contents, in order; read, not kept. */
  constructor(parts: readonly Uint8Array[]) {
    this.#reader = inflate(parts).getReader();
  }

  /** `read` without a wait, or undefined if the row is not here as a whole. */
  tryRead(row: Uint8Array): number | undefined {
    const end = this.#at + 1 + row.length;
    if (end > this.#chunk.length) return undefined;
    const filter = this.#chunk[this.#at]!;
    row.set(this.#chunk.subarray(this.#at + 1, end));
    this.#at = end;
    return filter;
  }

  /**
   * Fills `row` and returns the filter byte before it.
   *
   * @throws FlorenceError `image_undecodable` where the data is not valid or ends.
   */
  async read(row: Uint8Array): Promise<number> {
    while (this.#at >= this.#chunk.length) await this.#next();
    const filter = this.#chunk[this.#at]!;
    this.#at += 1;
    for (let filled = 0; filled < row.length;) {
      while (this.#at >= this.#chunk.length) await this.#next();
      const part = this.#chunk.subarray(this.#at, this.#at + row.length - filled); // prettier-ignore
      row.set(part, filled);
      filled += part.length;
      this.#at += part.length;
    }
    return filter;
  }

  /** Stops inflating; what comes after the last row is never made. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => undefined);
  }

  async #next(): Promise<void> {
    const result = await this.#reader.read().catch((cause: unknown) => {
      throw undecodable("PNG", "is damaged or cut off (its compressed data ends early or is not valid)", cause); // prettier-ignore
    });
    if (result.done)
      throw undecodable("PNG", "is cut off: some rows are missing");
    this.#chunk = result.value as Uint8Array<ArrayBuffer>;
    this.#at = 0;
  }
}

/** The IDAT chunks as one zlib stream, inflated. */
function inflate(parts: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  let part = 0;
  let offset = 0;
  const compressed = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull(controller) {
        while (part < parts.length && offset >= parts[part]!.length) {
          part += 1;
          offset = 0;
        }
        const bytes = parts[part];
        if (bytes === undefined) {
          controller.close();
          return;
        }
        controller.enqueue(bytes.slice(offset, offset + PIECE));
        offset += PIECE;
      },
    },
    { highWaterMark: 0 },
  );
  return compressed.pipeThrough(new DecompressionStream("deflate"));
}
