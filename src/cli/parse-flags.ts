// Flags of one command: node's own parser, with messages that help.

import { parseArgs } from "node:util";
import { nearestWord } from "../shared/schema/nearest.ts";
import { usageError } from "./usage-error.ts";

/** One flag, as the parser and the help take it. */
export interface Flag {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** May be given more than once. */
  readonly multiple?: boolean;
  /** What stands for the value in help: `DIR`. */
  readonly value?: string;
  readonly summary: string;
}

export type FlagTable = Readonly<Record<string, Flag>>;

type FlagValue<F extends Flag> = F["type"] extends "boolean"
  ? boolean
  : F["multiple"] extends true
    ? readonly string[]
    : string;

/** Values by flag; what was not given is absent. */
export type FlagValues<Flags extends FlagTable> = {
  readonly [Name in keyof Flags]?: FlagValue<Flags[Name]>;
};

/**
 * Reads the arguments of a command.
 *
 * @throws FlorenceError `invalid_request`: an unknown flag (with the nearest
 *   one), a missing value, a flag given twice.
 */
export function parseFlags<const Flags extends FlagTable>(
  command: string,
  flags: Flags,
  argv: readonly string[],
): {
  readonly values: FlagValues<Flags>;
  readonly positionals: readonly string[];
} {
  const args = [...argv];
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, short, multiple }]) => [
      name,
      {
        type,
        multiple: multiple ?? false,
        ...(short !== undefined && { short }),
      },
    ]),
  );
  const { tokens } = parseArgs({
    args,
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const flag = Object.hasOwn(flags, token.name)
      ? flags[token.name]
      : undefined;
    if (flag === undefined) throw unknownFlag(command, flags, token.rawName);
    if (
      seen.has(token.name) &&
      flag.type === "string" &&
      flag.multiple !== true
    )
      throw usageError(`--${token.name} is given twice.`, command);
    seen.add(token.name);
    checkValue(command, token.name, flag, token.value, token.inlineValue);
  }
  const { values, positionals } = parseArgs({
    args,
    options,
    strict: true,
    allowPositionals: true,
  });
  // The parser checked each value against `options`, made from `flags`.
  return { values: values as FlagValues<Flags>, positionals };
}

function unknownFlag(command: string, flags: FlagTable, given: string) {
  const names = [...Object.keys(flags), "help"];
  const near = nearestWord(given.replace(/^-+/u, ""), names);
  const hint = near === null ? "" : ` Did you mean --${near}?`;
  return usageError(
    `florence ${command} has no flag ${given}.${hint}`,
    command,
  );
}

function checkValue(
  command: string,
  name: string,
  flag: Flag,
  value: string | undefined,
  isInline: boolean | undefined,
): void {
  if (flag.type === "boolean") {
    if (value === undefined) return;
    throw usageError(
      `--${name} takes no value; "${value}" was given.`,
      command,
    );
  }
  const wanted = flag.value ?? "a value";
  if (value === undefined)
    throw usageError(`--${name} needs ${wanted} after it.`, command);
  // `--region -5,…` may be a slip as well as a value.
  if (isInline !== true && value.startsWith("-") && value !== "-")
    throw usageError(
      `--${name} needs ${wanted} after it; write --${name}=${value} if "${value}" is meant.`,
      command,
    );
}
