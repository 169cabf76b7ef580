// Reading ahead, in bursts: many cache lines one after another, so that as many are
// on their way as the processor allows. What then works on them takes so many
// instructions for a line that it would wait for each dozen.

/** Bytes of a cache line, on all processors that matter. */
const LINE: usize = 64;

/**
 * Reads a little of each line, of four lines at a time; fewer at the end are left.
 *
 * @param to 16 bytes that are written to: V8 leaves out what is read for nothing.
 */
export function touchLines(x: usize, bytes: usize, to: usize): void {
  let some = i32x4.splat(0);
  const end = x + bytes;
  for (; x + 4 * LINE <= end; x += 4 * LINE) {
    some = v128.or(some, v128.load(x));
    some = v128.or(some, v128.load(x, LINE));
    some = v128.or(some, v128.load(x, 2 * LINE));
    some = v128.or(some, v128.load(x, 3 * LINE));
  }
  v128.store(to, some);
}

/** The same of `bytes` in each of some rows, `stride` bytes from row to row. */
export function touchRows(
  x: usize,
  stride: usize,
  rows: i32,
  bytes: usize,
  to: usize,
): void {
  let some = i32x4.splat(0);
  for (let row = 0; row < rows; row++) {
    for (let at: usize = 0; at < bytes; at += LINE) {
      some = v128.or(some, v128.load(x + at));
    }
    x += stride;
  }
  v128.store(to, some);
}
