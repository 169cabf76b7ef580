// What was used last, in memory, up to so many bytes.

export interface ByteCache<T> {
  get(key: string): T | null;
  /** What is larger than the whole cache is not taken. */
  set(key: string, value: T, bytes: number): void;
  delete(key: string): void;
  /** What it holds. */
  bytes(): number;
}

/**
 * Forgets what was not used for longest when `maxBytes` would be exceeded.
 *
 * @param forget takes each value that the cache holds no more, or did not take.
 */
export function createByteCache<T>(
  maxBytes: number,
  forget: (value: T) => void = () => undefined,
): ByteCache<T> {
  // A Map keeps the order of insertion: what is used is put at its end.
  const entries = new Map<string, { value: T; bytes: number }>();
  let held = 0;
  const remove = (key: string): void => {
    const entry = entries.get(key);
    if (entry === undefined) return;
    held -= entry.bytes;
    entries.delete(key);
    forget(entry.value);
  };
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return null;
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, bytes) {
      remove(key);
      if (bytes > maxBytes) {
        forget(value);
        return;
      }
      entries.set(key, { value, bytes });
      held += bytes;
      for (const oldest of entries.keys()) {
        if (held <= maxBytes) break;
        remove(oldest);
      }
    },
    delete: remove,
    bytes: () => held,
  };
}
