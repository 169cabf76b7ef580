// `florence`: finds the command, runs it, and reports what went wrong.

import { readFile } from "node:fs/promises";
import { isFlorenceError } from "../shared/errors.ts";
import { analyzeCommand } from "./analyze-command.ts";
import type { Command } from "./command.ts";
import { convertCommand } from "./convert-command.ts";
import { dataEngineCommand } from "./data-engine-command.ts";
import { evaluateCommand } from "./evaluate-command.ts";
import { exitCode, exitCodeOf } from "./exit-codes.ts";
import { commandHelp, overallHelp } from "./help.ts";
import { featuresCommand } from "./features-command.ts";
import { inspectCommand } from "./inspect-command.ts";
import type { CliIo } from "./io.ts";
import { keysCommand } from "./keys-command.ts";
import { nearestWord } from "../shared/schema/nearest.ts";
import { paintFor } from "./paint.ts";
import { planCommand } from "./plan-command.ts";
import { pullCommand } from "./pull-command.ts";
import { serveCommand } from "./serve-command.ts";
import { tasksCommand } from "./tasks-command.ts";
import { usageError } from "./usage-error.ts";
import { onOneLine } from "./wrap-text.ts";

/** All subcommands, in the order of help. */
export const COMMANDS: readonly Command[] = [
  analyzeCommand,
  serveCommand,
  keysCommand,
  tasksCommand,
  pullCommand,
  convertCommand,
  inspectCommand,
  featuresCommand,
  planCommand,
  evaluateCommand,
  dataEngineCommand,
];

/**
 * Runs one command line.
 *
 * @param argv what follows `florence`.
 * @returns the exit code; never throws.
 */
export async function main(
  argv: readonly string[],
  io: CliIo,
): Promise<number> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    return reportError(error, io);
  }
}

async function dispatch(argv: readonly string[], io: CliIo): Promise<number> {
  const [name, ...rest] = argv;
  const { stdout, stderr, env } = io;
  if (name === undefined) {
    stderr.write(overallHelp(COMMANDS, stderr, env));
    return exitCode("usage");
  }
  if (name === "--version" || name === "-v" || name === "version") {
    stdout.write(`${await readVersion()}\n`);
    return exitCode("ok");
  }
  if (name === "--help" || name === "-h" || name === "help") {
    const [topic] = rest;
    stdout.write(
      topic === undefined
        ? overallHelp(COMMANDS, stdout, env)
        : commandHelp(findCommand(topic), stdout, env),
    );
    return exitCode("ok");
  }
  const command = findCommand(name);
  const end = rest.indexOf("--");
  const flags = end === -1 ? rest : rest.slice(0, end);
  if (flags.includes("--help") || flags.includes("-h")) {
    stdout.write(commandHelp(command, stdout, env));
    return exitCode("ok");
  }
  return await command.run(rest, io);
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name);
  if (command !== undefined) return command;
  const near = nearestWord(
    name,
    COMMANDS.map((one) => one.name),
  );
  if (near !== null)
    throw usageError(`There is no command "${name}". Did you mean ${near}?`);
  // `florence photo.jpg` is a natural thing to try.
  if (/[./\\]|^-$/u.test(name) && !name.startsWith("--"))
    throw usageError(
      `There is no command "${name}". For an image: florence analyze ${name}.`,
    );
  throw usageError(`There is no command "${name}".`);
}

function reportError(error: unknown, io: CliIo): number {
  const paint = paintFor(io.stderr, io.env);
  if (io.signal.aborted) {
    io.stderr.write("florence: interrupted.\n");
    return exitCode("interrupted");
  }
  if (!isFlorenceError(error)) {
    const trace =
      error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.stderr.write(
      `${paint("red", "florence:")} this is a bug of ours; please report it with these lines.\n${trace}\n`,
    );
    return exitCodeOf(error);
  }
  io.stderr.write(`${paint("red", "florence:")} ${onOneLine(error.message)}\n`);
  for (const { pointer, detail } of error.errors)
    io.stderr.write(`  ${onOneLine(pointer)}: ${onOneLine(detail)}\n`);
  return exitCodeOf(error);
}

async function readVersion(): Promise<string> {
  const file = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(await readFile(file, "utf8")) as {
    version: string;
  };
  return version;
}
