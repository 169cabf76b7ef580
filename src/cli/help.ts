// Help, laid out from the commands' own tables.

import type { Command } from "./command.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import type { CliIo, Output } from "./io.ts";
import { paintFor, type Paint } from "./paint.ts";
import type { FlagTable } from "./parse-flags.ts";
import { wrapText } from "./wrap-text.ts";

/** Wider lines are hard to read, whatever the terminal can show. */
const MAX_WIDTH = 100;

/** Help on `florence` itself. */
export function overallHelp(
  commands: readonly Command[],
  output: Output,
  env: CliIo["env"],
): string {
  const paint = paintFor(output, env);
  const width = Math.min(output.columns, MAX_WIDTH);
  const examples = commands.flatMap((command) => command.examples.slice(0, 1));
  return [
    `${paint("bold", "florence")}: a photo in, an answer out. Runs on this machine, with the`,
    "model in the box or one of your own.",
    "",
    ...heading("Usage", paint),
    "  florence COMMAND [arguments]",
    "",
    ...heading("Commands", paint),
    ...rows(
      commands.map(({ name, summary }) => [name, summary]),
      width,
      paint,
    ),
    "",
    ...heading("Examples", paint),
    ...exampleLines(examples, width, paint),
    "",
    ...exitCodeLines(width, paint),
    "",
    "florence COMMAND --help tells more; florence --version prints the version.",
    "",
  ].join("\n");
}

/** Help on one command. */
export function commandHelp(
  command: Command,
  output: Output,
  env: CliIo["env"],
): string {
  const paint = paintFor(output, env);
  const width = Math.min(output.columns, MAX_WIDTH);
  const { name, usage, description, flags, examples } = command;
  return [
    ...description.flatMap((text) => [...wrapText(text, width), ""]),
    ...heading("Usage", paint),
    `  florence ${name} ${usage}`,
    "",
    ...(Object.keys(flags).length === 0
      ? []
      : [
          ...heading("Flags", paint),
          ...rows(flagRows(flags), width, paint),
          "",
        ]),
    ...heading("Examples", paint),
    ...exampleLines(examples, width, paint),
    "",
    ...exitCodeLines(width, paint),
    "",
  ].join("\n");
}

function heading(title: string, paint: Paint): string[] {
  return [paint("bold", title)];
}

function flagRows(flags: FlagTable): [string, string][] {
  return Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? "" : `-${flag.short}, `;
    const value = flag.value === undefined ? "" : ` ${flag.value}`;
    const again = flag.multiple === true ? " Repeatable." : "";
    return [`${short}--${name}${value}`, `${flag.summary}${again}`];
  });
}

/** Two columns; a left side too wide for its column takes a line alone. */
function rows(
  table: readonly (readonly [string, string])[],
  width: number,
  paint: Paint,
): string[] {
  const longest = Math.max(...table.map(([left]) => left.length));
  const column = Math.min(22, longest) + 2;
  return table.flatMap(([left, right]) => {
    const lines = wrapText(right, width - column - 2);
    const label = `  ${paint("cyan", left)}`;
    const rest = lines.map((line) => " ".repeat(column + 2) + line);
    if (left.length > column - 2) return [label, ...rest];
    const first = label + " ".repeat(column - left.length) + lines[0]!;
    return [first, ...rest.slice(1)];
  });
}

function exampleLines(
  examples: Command["examples"],
  width: number,
  paint: Paint,
): string[] {
  return examples.flatMap(({ command, comment }) => [
    `  ${paint("dim", `# ${comment}`)}`,
    ...commandLines(command, width),
  ]);
}

/** Breaks a long command where a shell lets it: before a flag. */
function commandLines(command: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const part of command.split(/ (?=--)/u)) {
    if (line !== "" && line.length + part.length + 6 > width) {
      lines.push(`${line} \\`);
      line = `    ${part}`;
    } else line = line === "" ? part : `${line} ${part}`;
  }
  return [...lines, line].map((one) => `  ${one}`);
}

function exitCodeLines(width: number, paint: Paint): string[] {
  const table = Object.values(EXIT_CODES).map(
    ([code, meaning]): [string, string] => [String(code), meaning],
  );
  return [...heading("Exit codes", paint), ...rows(table, width, paint)];
}
