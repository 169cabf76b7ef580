// GPT-2 writes each byte as one printable character, so that a vocabulary is
// text: bytes that print stand for themselves, the other 68 are moved to
// U+0100 and up. Source: `bytes_to_unicode` of GPT-2's `encoder.py`.

function isPrintable(byte: number): boolean {
  return (
    (byte >= 0x21 && byte <= 0x7e) ||
    (byte >= 0xa1 && byte <= 0xac) ||
    (byte >= 0xae && byte <= 0xff)
  );
}

function alphabet(): string[] {
  let moved = 0;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(isPrintable(byte) ? byte : 0x100 + moved++),
  );
}

/** The character of each byte. */
export const CHARACTER_OF_BYTE: readonly string[] = alphabet(); // [256]

const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = new Map(
  CHARACTER_OF_BYTE.map((character, byte) => [character, byte]),
);

const ENCODER = new TextEncoder();

/**
 * The bytes a token of a byte-level vocabulary stands for; a token written in
 * other characters stands for its own UTF-8.
 */
export function bytesOfToken(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let at = 0; at < token.length; at += 1) {
    const byte = BYTE_OF_CHARACTER.get(token[at]!);
    if (byte === undefined) return ENCODER.encode(token);
    bytes[at] = byte;
  }
  return bytes;
}
