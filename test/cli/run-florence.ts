// Runs the command line inside the test's process, over a scripted model.

import { createFakeModel, type Script } from "../fakes/fake-model.ts";
import { main } from "../../src/cli/main.ts";
import { loadGoldenTokenizer } from "./golden-tokenizer.ts";

export interface RunOptions {
  readonly script?: Script;
  readonly stdin?: Uint8Array;
  /** Whether standard output and error are terminals. */
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Called at the start of each vision pass. */
  readonly onEncode?: () => Promise<void>;
  readonly signal?: AbortSignal;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Folders of the models that were opened. */
  readonly opened: readonly string[];
}

const tokenizer = loadGoldenTokenizer();

/** Answers captions and detections of the same green boat. */
const BOAT: Script = (prompt) =>
  prompt.startsWith("Locate")
    ? "boat<loc_100><loc_200><loc_500><loc_600>"
    : "a green boat";

/** Runs `florence` with these arguments. */
export async function runFlorence(
  argv: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const written = { stdout: "", stderr: "" };
  const opened: string[] = [];
  const outputTo = (name: "stdout" | "stderr") => ({
    isTTY: options.isTTY ?? false,
    columns: options.columns ?? 80,
    write(text: string) {
      written[name] += text;
      return true;
    },
  });
  const { onEncode } = options;
  const loaded = createFakeModel(await tokenizer, options.script ?? BOAT, {
    ...(onEncode !== undefined && { onEncode: () => onEncode() }),
  });
  const code = await main(argv, {
    openModel(folder) {
      opened.push(folder);
      return Promise.resolve(loaded);
    },
    stdin: (async function* () {
      await Promise.resolve();
      if (options.stdin !== undefined) yield options.stdin;
    })(),
    stdout: outputTo("stdout"),
    stderr: outputTo("stderr"),
    env: { NO_COLOR: "1", ...options.env },
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, opened, ...written };
}
