// The checksum of bytes, word by word.

/** As the kernel's: sums of words and of sums in four lanes, folded by FNV-1a. */
export function checksum(bytes: Uint8Array): number {
  const words = new Int32Array(bytes.slice().buffer);
  const sum = new Int32Array(4);
  const sums = new Int32Array(4);
  for (let at = 0; at < words.length; at += 1) {
    const lane = at % 4;
    sum[lane] = sum[lane]! + words[at]!;
    sums[lane] = sums[lane]! + sum[lane];
  }
  let state = 0xcbf29ce484222325n;
  for (const word of [...sum, ...sums]) {
    state ^= BigInt(word >>> 0);
    state = BigInt.asUintN(64, state * 0x100000001b3n);
  }
  return Number(state >> 11n);
}
