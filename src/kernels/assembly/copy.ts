// Copies of few bytes, in place: V8 calls out of WebAssembly for each
// `memory.copy` and `memory.fill`, of none as of many.

/** From here on the call costs less than a loop. */
const MANY: usize = 1024;

/** Copies `bytes`, a multiple of 4, between places that do not overlap. */
export function copyFloats(to: usize, from: usize, bytes: usize): void {
  if (bytes >= MANY) {
    memory.copy(to, from, bytes);
    return;
  }
  const end = to + bytes;
  for (; to + 16 <= end; to += 16) {
    v128.store(to, v128.load(from));
    from += 16;
  }
  for (; to < end; to += 4) {
    store<i32>(to, load<i32>(from));
    from += 4;
  }
}

/** Fills `bytes`, a multiple of 4, with zeros. */
export function zeroFloats(to: usize, bytes: usize): void {
  if (bytes >= MANY) {
    memory.fill(to, 0, bytes);
    return;
  }
  const end = to + bytes;
  const zero = i32x4.splat(0);
  for (; to + 16 <= end; to += 16) v128.store(to, zero);
  for (; to < end; to += 4) store<i32>(to, 0);
}
