// Where the files of a bundle come from: a folder, static assets, a bucket.

/** Reads the files of one bundle. */
export interface BundleSource {
  /** What to call it in messages: a path or a URL. */
  readonly name: string;

  /**
   * The bytes of a file; the caller owns them.
   *
   * @throws FlorenceError `bundle_invalid` if there is no such file.
   */
  read(file: string): Promise<Uint8Array>;

  /**
   * The bytes of a file in pieces, in their order, so that no more than a piece
   * is held; where the host can read so. A piece is good until the next is asked
   * for.
   *
   * @throws FlorenceError as `read` does.
   */
  stream?(file: string): AsyncIterable<Uint8Array>;

  /** A path the runtime can open itself, where there is a file system. */
  locate?(file: string): string;
}
