// Memory that threads share beside the kernels': what is to be done, and signals.

/** Places of the signals; each that threads write while they work has a cache line. */
export const LEFT = 0; // pieces that nobody has taken; below 0 none
export const DONE = 16; // pieces that are done
export const TURN = 32; // goes up with each job, and at the end
export const SLEEPING = 48; // helpers that have to be woken
export const TOTAL = 64; // pieces of the job
export const ROOM = 65; // where the threads' own rooms begin
export const EACH = 66; // bytes of each room
export const FAILED = 67; // 1 once a piece has failed
export const STOPPED = 68; // 1 when helpers are to end
export const FRONT = 80; // pieces that the leader has taken, the first ones
export const BACK = 96; // pieces that helpers have taken, the last ones
const SIGNALS = 112;

/** Most pieces of one job. */
export const MOST_PIECES = 256;
/** Numbers that all calls of a job may take. */
export const MOST_NUMBERS = 32_768;

const STARTS_AT = SIGNALS * 4;
const NUMBERS_AT = STARTS_AT + (MOST_PIECES + 1) * 4 + 4;

/**
 * Rounds of looking before a thread sleeps: about half a millisecond. Waking one
 * takes ten microseconds of who wakes it and up to a hundred of its own; a step
 * of a decoder hands work over fifty times.
 */
const SPINS = 40_000;

/** Views of the memory that all threads have. */
export interface Signals {
  readonly words: Int32Array;
  /** Where each piece's calls begin, and where the last one ends. */
  readonly starts: Int32Array;
  /** Calls: kernel, count of arguments, arguments. */
  readonly numbers: Float64Array;
}

/** Memory for one team. */
export function createSignalMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(NUMBERS_AT + MOST_NUMBERS * 8);
}

export function viewSignals(buffer: SharedArrayBuffer): Signals {
  return {
    words: new Int32Array(buffer, 0, SIGNALS),
    starts: new Int32Array(buffer, STARTS_AT, MOST_PIECES + 1),
    numbers: new Float64Array(buffer, NUMBERS_AT, MOST_NUMBERS),
  };
}

/** Looks at a word until it is not `value`; false if it still is after a while. */
export function spinWhile(
  words: Int32Array,
  at: number,
  value: number,
): boolean {
  for (let spin = 0; spin < SPINS; spin += 1) {
    if (Atomics.load(words, at) !== value) return true;
  }
  return false;
}
