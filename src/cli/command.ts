// A subcommand of `florence`: what help says of it, and what it does.

import type { CliIo } from "./io.ts";
import type { FlagTable } from "./parse-flags.ts";

export interface Example {
  readonly command: string;
  readonly comment: string;
}

export interface Command {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** What follows the command's name. */
  readonly usage: string;
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly flags: FlagTable;
  readonly examples: readonly Example[];

  /**
   * Does it.
   *
   * @param argv what follows the command's name.
   * @returns the exit code.
   * @throws FlorenceError what kept it from being done; `main` reports it.
   */
  run(argv: readonly string[], io: CliIo): Promise<number>;
}
