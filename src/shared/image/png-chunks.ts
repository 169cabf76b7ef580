// A PNG is a signature and a row of chunks, each with a checksum (PNG
// specification, third edition, section 5).

/** One chunk; `body` is a view, not a copy. */
export interface PngChunk {
  /** Four letters; the first is a capital where the chunk is needed. */
  readonly type: string;
  /** Shorter than the chunk states where `isComplete` is false. */
  readonly body: Uint8Array;
  /** Whether body and checksum are there. */
  readonly isComplete: boolean;
  /** Where the type begins in the file. */
  readonly start: number;
}

/** The chunks up to and without IEND; the last one may be cut off. */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 8 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "IEND") return;
    const body = bytes.subarray(at + 8, at + 8 + length);
    const isComplete = at + 12 + length <= bytes.length;
    yield { type, body, isComplete, start: at + 4 };
    at += 12 + length;
  }
}

/** Whether a complete chunk's checksum (annex D, over type and body) is right. */
export function isIntact(bytes: Uint8Array, chunk: PngChunk): boolean {
  const { start, body } = chunk;
  const end = start + 4 + body.length;
  let rest = 0xffffffff;
  for (let at = start; at < end; at += 1)
    rest = CRC_TABLE[(rest ^ bytes[at]!) & 0xff]! ^ (rest >>> 8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (rest ^ 0xffffffff) >>> 0 === view.getUint32(end);
}

const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1)
    rest = (rest & 1) === 0 ? rest >>> 1 : (rest >>> 1) ^ 0xedb88320;
  return rest;
});
