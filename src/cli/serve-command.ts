// `florence serve`: the HTTP API on this machine.

import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { DEFAULT_DATA_FOLDER } from "../server/data-folder.ts";
import { readSettings } from "../http/read-settings.ts";
import { DEVICES } from "../node/devices.ts";
import { MODEL_IN_THE_BOX } from "../node/model-in-the-box.ts";
import { startServer, type ServerOptions } from "../server/start-server.ts";
import type { Command } from "./command.ts";
import { exitCode } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";
import { parseFlags, type FlagValues } from "./parse-flags.ts";
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
    summary: `Folder of the database, the secret and what is kept; ${DEFAULT_DATA_FOLDER} if left out.`,
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
    summary:
      "Processor threads of one inference; the processors shared out among the workers if left out.",
  },
  workers: {
    type: "string",
    short: "w",
    value: "N",
    summary:
      "Threads that hold the models, each for one inference at a time; 1 if left out. Each takes the models' memory once more.",
  },
  batch: {
    type: "string",
    value: "N",
    summary:
      "Images of different callers that one vision pass takes; 8 on a GPU, 1 on a CPU if left out.",
  },
  queue: {
    type: "string",
    value: "N",
    summary:
      "Requests that may wait for a worker before others are told to come back; 64 if left out.",
  },
  "drain-seconds": {
    type: "string",
    value: "N",
    summary:
      "How long requests under way may take when the server is told to end; 30 if left out.",
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

type TextFlag = Exclude<keyof typeof FLAGS, "open" | "model">;

/** Flags that the environment may give instead. */
const FLAG_VARIABLES = Object.keys(FLAGS)
  .filter((name) => name !== "open") // FLORENCE_OPEN_MODE is a setting
  .map(variableOf);

/** Serves the HTTP API. */
export const serveCommand: Command = {
  name: "serve",
  summary: "Serve the HTTP API on this machine",
  usage: "[flags]",
  description: [
    "Answers the whole HTTP API over the model in the box or bundles of your own, until it is told to end (Ctrl-C, SIGTERM): then it refuses what is new and finishes what is under way. Its log is one line of JSON for each request, on standard output.",
    "Everything it keeps is in one folder: database, secret, pictures, results. Callers need API keys, which florence keys makes in that folder; with --open nobody needs one.",
    "Each flag can stand in the environment instead (FLORENCE_PORT, FLORENCE_DEVICE), and every other setting, such as FLORENCE_ADMIN_KEY or FLORENCE_RATE_PER_MINUTE: docs/serve.md lists them.",
  ],
  flags: FLAGS,
  examples: [
    {
      command: "florence serve --open",
      comment: "try it out, no key needed: http://127.0.0.1:8080/docs",
    },
    {
      command: "florence keys create --name me",
      comment: "make a key in florence-data, then serve with keys",
    },
    {
      command:
        "florence serve --host 0.0.0.0 --public-url https://florence.example.com --data /var/lib/florence",
      comment: "for others, behind a proxy that speaks TLS",
    },
    {
      command: "florence serve --model base-ft --device cuda",
      comment: "a model of your own on a GPU",
    },
    {
      command: "florence serve --workers 4 --threads 2",
      comment: "four pictures at once on eight processors",
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
  const options = serverOptions(values, io.env, (line) => {
    io.stdout.write(`${line}\n`);
  });
  const server = await startServer(options);
  io.stderr.write(`florence: listening on ${server.origin}\n`);
  await aborted(io.signal);
  io.stderr.write("florence: finishing what is under way\n");
  await server.close();
  return exitCode("ok");
}

/** Flags first, then the environment, then what is usual. */
function serverOptions(
  values: FlagValues<typeof FLAGS>,
  env: CliIo["env"],
  log: ServerOptions["log"],
): ServerOptions {
  const given = (name: TextFlag): string | undefined => {
    const value = values[name] ?? env[variableOf(name)];
    return value === "" ? undefined : value;
  };
  const count = (name: TextFlag, usual: number, least = 1, most = 1024) => {
    const text = given(name);
    return text === undefined ? usual : wholeNumber(name, text, least, most);
  };
  const workers = count("workers", 1);
  const threads = Math.max(1, Math.floor(availableParallelism() / workers));
  const batch = count("batch", 0);
  return {
    port: count("port", 8080, 0, 65_535),
    hostname: given("host") ?? "127.0.0.1",
    dataFolder: resolve(given("data") ?? DEFAULT_DATA_FOLDER),
    bundles: values.model ?? [env["FLORENCE_MODEL"] || MODEL_IN_THE_BOX],
    device: pickValue("device", given("device"), [...DEVICES, "auto"]) ?? "cpu",
    threads: count("threads", threads),
    workers,
    ...(batch > 0 && { batch }),
    maxWaiting: count("queue", 64, 0, 100_000),
    drainMs: count("drain-seconds", 30, 0, 3600) * 1000,
    log,
    settings: {
      ...readSettings(env, FLAG_VARIABLES),
      ...(values.open === true && { open_mode: true }),
      ...(values["public-url"] !== undefined && {
        public_url: values["public-url"],
      }),
    },
  };
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
