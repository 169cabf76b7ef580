// Memory given back before the collector comes: it lets buffers lie for long, and
// an isolate has little.

/**
 * Detaches the buffer of values that nobody will read any more. A part of a larger
 * buffer is left alone, and so is memory that threads share.
 */
export function freeMemory({ buffer, byteLength }: ArrayBufferView): void {
  if (byteLength === 0 || byteLength < buffer.byteLength) return;
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
