// Many images, one after the other: progress, output, and what to report.

import { join } from "node:path";
import { FlorenceError, isFlorenceError } from "../shared/errors.ts";
import {
  createAnalysisWriter,
  type Outcome,
  type OutputFormat,
} from "./analysis-writer.ts";
import { analyzeImage, type AnalyzeTools } from "./analyze-image.ts";
import { exitCode, exitCodeOf } from "./exit-codes.ts";
import type { ImageInput } from "./image-inputs.ts";
import type { CliIo } from "./io.ts";
import { createProgress } from "./progress.ts";
import { onOneLine } from "./wrap-text.ts";

export interface AnalyzeImagesOptions {
  readonly io: CliIo;
  readonly format: OutputFormat;
  /** Whether JSON is one document rather than an array. */
  readonly isSingle: boolean;
  /** Where annotated photos go, if anywhere. */
  readonly annotateFolder: string | undefined;
}

/**
 * Analyzes every input and prints each outcome as it is there. One that fails
 * is reported, and the others are done.
 *
 * @returns the exit code: of a single kind of failure its own, of a mixture
 *   that some failed.
 */
export async function analyzeImages(
  inputs: readonly ImageInput[],
  tools: AnalyzeTools,
  { io, format, isSingle, annotateFolder }: AnalyzeImagesOptions,
): Promise<number> {
  const writer = createAnalysisWriter(format, isSingle, io);
  const progress = createProgress(io.stderr, "images");
  const annotated = annotatedPaths(inputs, annotateFolder);
  const isInterrupted = () => io.signal.aborted;
  const codes: number[] = [];
  try {
    for (const [index, input] of inputs.entries()) {
      if (isInterrupted()) break;
      if (inputs.length > 1) progress.update(index, inputs.length, input.name);
      const outcome = await outcomeOf(input, tools, annotated[index]);
      // What the interruption made fail did not fail by itself.
      if (isInterrupted() && "error" in outcome) break;
      progress.aside(() => {
        writer.write(outcome);
        if (format !== "table") reportFailures(outcome, io);
      });
      codes.push(codeOf(outcome));
    }
  } finally {
    progress.stop();
    writer.end();
  }
  if (!isInterrupted()) return overallCode(codes);
  io.stderr.write(
    `florence: interrupted after ${codes.length} of ${inputs.length} images.\n`,
  );
  return exitCode("interrupted");
}

async function outcomeOf(
  input: ImageInput,
  tools: AnalyzeTools,
  annotateTo: string | undefined,
): Promise<Outcome> {
  const { source } = input;
  try {
    return { source, envelope: await analyzeImage(input, tools, annotateTo) };
  } catch (cause) {
    if (isFlorenceError(cause)) return { source, error: cause };
    // A bug met by one image must not cost the answers about the others.
    const trace = cause instanceof Error ? cause.stack : String(cause);
    const message = `This is a bug of ours; please report it: ${trace ?? ""}`;
    return { source, error: new FlorenceError("internal", message, { cause }) };
  }
}

/** Programs read standard output; people see on standard error what failed. */
function reportFailures(outcome: Outcome, { stderr }: CliIo): void {
  const report = (what: string, detail: string) =>
    stderr.write(`florence: ${onOneLine(what)}: ${onOneLine(detail)}\n`);
  if ("error" in outcome) {
    report(outcome.source, outcome.error.message);
    return;
  }
  for (const result of outcome.envelope.results) {
    if (result.status === "error")
      report(`${outcome.source}: ${result.task}`, result.problem.detail);
  }
}

function codeOf(outcome: Outcome): number {
  if ("error" in outcome) return exitCodeOf(outcome.error);
  const isWhole = outcome.envelope.status === "completed";
  return exitCode(isWhole ? "ok" : "some");
}

function overallCode(codes: readonly number[]): number {
  const distinct = new Set(codes);
  const [first = exitCode("ok")] = distinct;
  return distinct.size <= 1 ? first : exitCode("some");
}

/** `DIR/NAME.annotated.png`, numbered where inputs share a name. */
function annotatedPaths(
  inputs: readonly ImageInput[],
  folder: string | undefined,
): (string | undefined)[] {
  const taken = new Set<string>();
  return inputs.map(({ name }) => {
    if (folder === undefined) return undefined;
    let free = name;
    for (let number = 2; taken.has(free); number += 1)
      free = `${name}-${number}`;
    taken.add(free);
    return join(folder, `${free}.annotated.png`);
  });
}
