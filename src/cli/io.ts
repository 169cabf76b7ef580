// What a command may touch of its process, so that tests run commands in
// theirs.

import type { LoadedModel } from "../shared/model/open-model.ts";

/** Standard output or error. */
export interface Output {
  readonly isTTY: boolean;
  /** Width of the terminal in characters; 80 where there is none. */
  readonly columns: number;
  write(text: string): unknown;
}

export interface CliIo {
  /**
   * Opens the model in a folder; the caller disposes it.
   *
   * @throws FlorenceError `bundle_invalid`, `bundle_too_new`.
   */
  openModel(
    folder: string,
    options: { readonly threads?: number },
  ): Promise<LoadedModel>;
  /** Standard input; read at most once. */
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, and by whoever ends the process in an orderly way. */
  readonly signal: AbortSignal;
}
