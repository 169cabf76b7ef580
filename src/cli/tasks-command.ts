// `florence tasks`: what can be asked.

import { TASKS, type AnyTask } from "../shared/tasks/index.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";
import { parseFlags } from "./parse-flags.ts";
import { taskFlags, taskInputs } from "./task-usage.ts";
import { taskPrompt } from "./task-prompt.ts";
import { usageError } from "./usage-error.ts";
import { wrapText } from "./wrap-text.ts";

const FLAGS = {
  json: { type: "boolean", summary: "Print the table as JSON." },
} as const;

/** Lists the tasks. */
export const tasksCommand: Command = {
  name: "tasks",
  summary: "List the tasks, what each takes and how the model is asked",
  usage: "[flags]",
  description: [
    "Lists every task with its inputs and the prompt that the model gets. Which of them a model answers well, florence inspect tells.",
  ],
  flags: FLAGS,
  examples: [
    { command: "florence tasks", comment: "everything that can be asked" },
    { command: "florence tasks --json", comment: "the same, for a program" },
  ],
  run: runTasks,
};

// eslint-disable-next-line @typescript-eslint/require-await -- as all commands
async function runTasks(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("tasks", FLAGS, argv);
  if (positionals.length > 0)
    throw usageError("florence tasks takes no arguments.", "tasks");
  const isJson = values.json === true || !io.stdout.isTTY;
  const text = isJson
    ? JSON.stringify(TASKS.map(taskDocument), null, 2)
    : TASKS.flatMap((task) => taskLines(task, io)).join("\n");
  io.stdout.write(`${text}\n`);
  return exitCode("ok");
}

function taskDocument(task: AnyTask): object {
  const { spelling, name, variant, token, summary, example } = task;
  return {
    spelling,
    task: name,
    ...(variant !== null && { [variant.field]: variant.value }),
    token,
    summary,
    inputs: taskInputs(task).map(({ field, flag, isRequired }) => ({
      name: field,
      flag,
      required: isRequired,
    })),
    prompt: taskPrompt(task),
    example,
    command: `florence analyze photo.jpg ${taskFlags(task)}`,
  };
}

function taskLines(task: AnyTask, { stdout, env }: CliIo): string[] {
  const paint = paintFor(stdout, env);
  const width = Math.min(stdout.columns, 100) - 2;
  const inputs = taskInputs(task)
    .map(({ flag, isRequired }) => (isRequired ? flag : `[${flag}]`))
    .join(" ");
  const left = inputs === "" ? task.spelling : `${task.spelling}  ${inputs}`;
  const gap = " ".repeat(
    Math.max(2, width + 2 - left.length - task.token.length),
  );
  const head = [paint("bold", task.spelling), paint("cyan", inputs)]
    .filter((part) => part !== "")
    .join("  ");
  return [
    `${head}${gap}${paint("dim", task.token)}`,
    ...wrapText(task.summary, width).map((line) => `  ${line}`),
    ...wrapText(`“${taskPrompt(task)}”`, width).map(
      (line) => `  ${paint("dim", line)}`,
    ),
    "",
  ];
}
