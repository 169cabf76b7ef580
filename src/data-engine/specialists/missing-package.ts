// Packages of specialists that users install themselves.

import { createRequire } from "node:module";
import { FlorenceError } from "../../shared/errors.ts";

/** A package that may be missing. */
export interface OptionalPackage {
  readonly name: string;
  /** What it is for, after "for". */
  readonly purpose: string;
  readonly license: string;
  /** What to run to have it. */
  readonly install: string;
}

/**
 * Imports an optional package.
 *
 * @param load an `import()` of it.
 * @throws FlorenceError `engine_unavailable` with the install line.
 */
export async function importOptional<Loaded>(
  wanted: OptionalPackage,
  load: () => Promise<Loaded>,
): Promise<Loaded> {
  try {
    return await load();
  } catch (cause) {
    if (!isMissing(cause, wanted.name)) throw cause;
    throw missingPackage(wanted, cause);
  }
}

/**
 * A file of an optional package; nothing of the package is run.
 *
 * @throws FlorenceError `engine_unavailable` with the install line.
 */
export function locateOptional(wanted: OptionalPackage, file: string): string {
  const { resolve } = createRequire(import.meta.url);
  try {
    return resolve(`${wanted.name}/${file}`);
  } catch (cause) {
    throw missingPackage(wanted, cause);
  }
}

function missingPackage(
  { name, purpose, license, install }: OptionalPackage,
  cause: unknown,
): FlorenceError {
  return new FlorenceError(
    "engine_unavailable",
    `The package ${name} (${license}), for ${purpose}, is not installed. Run: ${install}`,
    { cause },
  );
}

/** Whether it is the package itself that was not found, not a part of it. */
function isMissing(error: unknown, name: string): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    error.code === "ERR_MODULE_NOT_FOUND" &&
    error.message.includes(`'${name}'`)
  );
}
