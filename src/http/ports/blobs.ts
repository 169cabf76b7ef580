// Where bytes are kept: R2 or a folder.

export interface StoredBlob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As given to `put`. */
  readonly mediaType: string;
}

/**
 * Bytes by key. Keys of ours are paths of letters, digits and `-_./`; those of a
 * bucket are what others named their files. Neither has an empty name, `.`, `..`,
 * a backslash or a control character; nothing else reaches an implementation.
 */
export interface Blobs {
  /** Null where there is nothing under the key. */
  get(key: string): Promise<StoredBlob | null>;

  /** Replaces what was there; whole or not at all. */
  put(key: string, bytes: Uint8Array, mediaType: string): Promise<void>;

  /** What is not there is no error. */
  delete(keys: readonly string[]): Promise<void>;
}
