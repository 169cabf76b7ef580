// Mistakes on the command line itself.

import { FlorenceError } from "../shared/errors.ts";

/**
 * A command line that cannot be understood.
 *
 * @param message what was wrong; where to look is added here.
 */
export function usageError(message: string, command?: string): FlorenceError {
  const help = `florence ${command === undefined ? "" : `${command} `}--help`;
  return new FlorenceError("invalid_request", `${message} See ${help}.`);
}
