// `florence plan`: how a model for the kernels is spread over isolates.

import { openKernelPlan } from "../node/kernel-plan.ts";
import { FlorenceError } from "../shared/errors.ts";
import { fits, planSplit, type Split } from "../shared/model/edge/split.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import { formatSplit } from "./format-split.ts";
import type { CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";
import { parseFlags } from "./parse-flags.ts";
import { usageError } from "./usage-error.ts";
import { writeWorkers } from "./write-workers.ts";

/** Sides that `options.input_size` may name. */
const INPUT_SIZES = [768, 512, 384] as const;
const MEGABYTE = 1_000_000;

/**
 * What Workers take beside the model's memory, measured with
 * `bench/edge/memory.ts`; see docs/edge-backend.md.
 */
const COSTS = {
  service: 21 * MEGABYTE,
  part: 4 * MEGABYTE,
  image: 8 * MEGABYTE,
};

const FLAGS = {
  budget: {
    type: "string",
    value: "SIZE",
    summary: "Most memory of an isolate, all counted; 110MB if left out.",
  },
  "input-size": {
    type: "string",
    value: "PIXELS",
    summary: "Largest side pictures are seen at: 768, the default, 512 or 384.",
  },
  prompts: {
    type: "string",
    value: "N",
    summary: "Prompts answered at once; 1 if left out.",
  },
  tokens: {
    type: "string",
    value: "N",
    summary: "Tokens of an answer, for its time; 30 if left out.",
  },
  write: {
    type: "string",
    value: "DIR",
    summary:
      "Write a folder for each Worker, with its wrangler file and its part of the bundle.",
  },
  json: { type: "boolean", summary: "Print it as JSON." },
} as const;

/** Plans isolates. */
export const planCommand: Command = {
  name: "plan",
  summary: "Spread a model for the kernels over isolates",
  usage: "BUNDLE [flags]",
  description: [
    "Prints which parts of a bundle go to which isolate so that each stays within a budget, with what its memory is for and how long it computes: resident, Workers joined by service bindings; and phased, one Worker through which the weights pass. Says which part fits nowhere.",
    "Times are products counted from the weights, over a rate that is measured on this machine, times 1.5 for everything else.",
  ],
  flags: FLAGS,
  examples: [
    {
      command: "florence plan base-edge --budget 110MB",
      comment: "where the parts of a model go",
    },
    {
      command: "florence plan base-edge --write workers",
      comment: "Workers to deploy with wrangler",
    },
  ],
  run: runPlan,
};

async function runPlan(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("plan", FLAGS, argv);
  const [folder, ...rest] = positionals;
  if (folder === undefined || rest.length > 0)
    throw usageError("Name one bundle.", "plan");
  const largest = numberOf("input-size", values["input-size"], 768);
  const inputSizes = INPUT_SIZES.filter((size) => size <= largest);
  if (inputSizes[0] !== largest)
    throw usageError("--input-size takes 768, 512 or 384.", "plan");
  const budgetBytes = bytesOf(values.budget ?? "110MB");
  const { run, plan, variant, rates } = await openKernelPlan(folder);
  const options = {
    ...{ budgetBytes, inputSizes, rates, costs: COSTS },
    prompts: numberOf("prompts", values.prompts, 1),
    tokens: numberOf("tokens", values.tokens, 30),
  };
  const split = planSplit(run, plan, options);
  if (values.write !== undefined) {
    await writeWorkers(folder, values.write, plan, split, inputSizes);
  }
  const isJson = values.json === true || !io.stdout.isTTY;
  const lines = isJson
    ? [
        JSON.stringify(
          { ...options, variant, ...told(split, budgetBytes) },
          null,
          2,
        ),
      ]
    : formatSplit(split, {
        ...options,
        variant,
        paint: paintFor(io.stdout, io.env),
      });
  io.stdout.write(`${lines.join("\n")}\n`);
  return exitCode("ok");
}

function told({ resident, phased, times }: Split, budgetBytes: number): object {
  const { vision, encoder, decoder } = times;
  return {
    resident,
    phased: { ...phased, fits: fits(phased, budgetBytes) },
    cpuMs: { vision, encoder, decoder },
  };
}

/** `110MB`, `104.9MiB` or plain bytes. */
function bytesOf(text: string): number {
  const found = /^(\d+(?:\.\d+)?)\s*(MB|MiB|)$/u.exec(text.trim());
  if (found === null) {
    throw usageError(`--budget takes 110MB or 105MiB, not "${text}".`, "plan");
  }
  const [, number, unit] = found;
  const units: Readonly<Record<string, number>> = {
    MB: MEGABYTE,
    MiB: 2 ** 20,
    "": 1,
  };
  return Number(number) * units[unit!]!;
}

function numberOf(
  flag: string,
  text: string | undefined,
  otherwise: number,
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new FlorenceError(
    "invalid_request",
    `--${flag} takes a whole number above 0, not "${text}".`,
  );
}
