// Where bytes are kept: R2 or a folder.

export interface StoredBlob {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** As given to `put`. */
  readonly mediaType: string;
}

/**
 * Bytes by key. Keys are paths of letters, digits and `-_./`, without `..`, at
 * most 512 characters; nothing else reaches an implementation.
 */
export interface Blobs {
  /** Null where there is nothing under the key. */
  get(key: string): Promise<StoredBlob | null>;

  /** Replaces what was there; whole or not at all. */
  put(key: string, bytes: Uint8Array, mediaType: string): Promise<void>;

  /** What is not there is no error. */
  delete(keys: readonly string[]): Promise<void>;
}
