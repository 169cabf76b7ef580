// Streams of unknown length.

import { FlorenceError } from "../shared/errors.ts";

/**
 * Reads a stream to its end, but no further than `maxBytes`.
 *
 * @param name what to call it in the message.
 * @throws FlorenceError `image_too_large`; the stream is then closed.
 */
export async function readCapped(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  name: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > maxBytes)
      throw new FlorenceError(
        "image_too_large",
        `${name} has more than ${maxBytes / 1e6} MB. Resize the image.`,
      );
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks, length));
}
