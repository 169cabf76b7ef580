// `florence serve`: the HTTP API on this machine.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { readSettings } from "../http/read-settings.ts";
import { DEVICES } from "../node/devices.ts";
import { MODEL_IN_THE_BOX } from "../node/model-in-the-box.ts";
import { startServer } from "../server/start-server.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { parseFlags } from "./parse-flags.ts";
import { pickValue } from "./pick-value.ts";
import { usageError } from "./usage-error.ts";

const FLAGS = {
  port: {
    type: "string",
    short: "p",
    value: "PORT",
    summary: "Port to listen on; 8080 if left out, 0 for any that is free.",
  },
  host: {
    type: "string",
    value: "ADDRESS",
    summary:
      "Address to listen on; 127.0.0.1 if left out, 0.0.0.0 for every one of this machine.",
  },
  data: {
    type: "string",
    short: "d",
    value: "DIR",
    summary:
      "Folder of the database, the secret and what is kept; florence-data if left out.",
  },
  model: {
    type: "string",
    short: "m",
    value: "BUNDLE",
    multiple: true,
    summary:
      "Folder of a model; the one in the box if left out. The first answers whoever names none.",
  },
  device: {
    type: "string",
    value: "DEVICE",
    summary: `What models run on: ${DEVICES.join(", ")}, or auto for the best that is there; cpu if left out.`,
  },
  threads: {
    type: "string",
    short: "t",
    value: "N",
    summary: "Processor threads of one inference.",
  },
  open: {
    type: "boolean",
    summary:
      "Answer everybody without a key; on 127.0.0.1 only, for one's own machine.",
  },
  "public-url": {
    type: "string",
    value: "URL",
    summary:
      "What clients call this server by; upload addresses and deliveries carry it.",
  },
} as const;

/** Flags that the environment may give instead. */
const FLAG_VARIABLES = Object.keys(FLAGS).map(variableOf);

/** Serves the HTTP API. */
export const serveCommand: Command = {
  name: "serve",
  summary: "Serve the HTTP API on this machine",
  usage: "[flags]",
  description: [
    "Answers the whole HTTP API over the model in the box or bundles of your own, until it is told to stop.",
  ],
  flags: FLAGS,
  examples: [
    {
      command: "florence serve --open",
      comment: "try it out: http://127.0.0.1:8080, no key needed",
    },
  ],
  run: runServe,
};

async function runServe(argv: readonly string[], io: CliIo): Promise<number> {
  const { values, positionals } = parseFlags("serve", FLAGS, argv);
  if (positionals.length > 0)
    throw usageError(
      `serve takes flags only; "${positionals[0]!}" is none.`,
      "serve",
    );
  const given = (name: Exclude<keyof typeof FLAGS, "open" | "model">) =>
    values[name] ?? (io.env[variableOf(name)] || undefined);
  const settings = {
    ...readSettings(io.env, FLAG_VARIABLES),
    ...(values.open === true && { open_mode: true }),
    ...(values["public-url"] !== undefined && {
      public_url: values["public-url"],
    }),
  };
  const server = await startServer({
    port: wholeNumber("port", given("port") ?? "8080", 0, 65_535),
    hostname: given("host") ?? "127.0.0.1",
    dataFolder: resolve(given("data") ?? "florence-data"),
    bundles: values.model ?? [io.env["FLORENCE_MODEL"] || MODEL_IN_THE_BOX],
    device: pickValue("device", given("device"), [...DEVICES, "auto"]) ?? "cpu",
    threads: wholeNumber(
      "threads",
      given("threads") ?? String(availableParallelism()),
      1,
      1024,
    ),
    settings,
  });
  io.stderr.write(`florence: listening on ${server.origin}\n`);
  await aborted(io.signal);
  await server.close();
  return exitCode("ok");
}

function variableOf(flag: string): string {
  return `FLORENCE_${flag.toUpperCase().replaceAll("-", "_")}`;
}

function wholeNumber(
  flag: string,
  text: string,
  least: number,
  most: number,
): number {
  const value = /^\d{1,9}$/u.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw usageError(
    `--${flag} wants a whole number from ${least} to ${most}; "${text}" is none.`,
    "serve",
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => {
      resolve();
    });
  });
}
