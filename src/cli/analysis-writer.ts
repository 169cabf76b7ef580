// Prints analyses as they come: one shape for people, two for programs.

import type { FlorenceError } from "../shared/errors.ts";
import type { Envelope } from "../shared/schema/analysis.ts";
import { toProblem } from "../shared/schema/problem.ts";
import { formatAnalysis, formatFailure } from "./format-analysis.ts";
import type { CliIo } from "./io.ts";
import { paintFor } from "./paint.ts";

/** What became of one image. */
export type Outcome =
  | { readonly source: string; readonly envelope: Envelope }
  | { readonly source: string; readonly error: FlorenceError };

/** Writes outcomes to standard output in the order they are given. */
export interface AnalysisWriter {
  write(outcome: Outcome): void;
  /** Closes what is open; nothing may be written after it. */
  end(): void;
}

export type OutputFormat = "json" | "jsonl" | "table";

/** @param isSingle whether `json` prints one document, not an array. */
export function createAnalysisWriter(
  format: OutputFormat,
  isSingle: boolean,
  io: CliIo,
): AnalysisWriter {
  switch (format) {
    case "json":
      return isSingle ? jsonWriter(io) : jsonArrayWriter(io);
    case "jsonl":
      return jsonlWriter(io);
    case "table":
      return tableWriter(io);
  }
}

/** The document of an outcome: the envelope, or in its place the problem. */
function documentOf(outcome: Outcome): object {
  if ("envelope" in outcome) return outcome.envelope;
  return {
    object: "analysis",
    status: "failed",
    problem: toProblem(outcome.error),
    metadata: { source: outcome.source },
  };
}

function jsonWriter({ stdout }: CliIo): AnalysisWriter {
  return {
    write(outcome) {
      stdout.write(`${JSON.stringify(documentOf(outcome), null, 2)}\n`);
    },
    end: () => undefined,
  };
}

/** An array that is whole even if the run is cut short. */
function jsonArrayWriter({ stdout }: CliIo): AnalysisWriter {
  let isFirst = true;
  return {
    write(outcome) {
      const text = JSON.stringify(documentOf(outcome), null, 2);
      const lines = text.split("\n").map((line) => `  ${line}`);
      stdout.write(`${isFirst ? "[" : ","}\n${lines.join("\n")}`);
      isFirst = false;
    },
    end() {
      stdout.write(isFirst ? "[]\n" : "\n]\n");
    },
  };
}

function jsonlWriter({ stdout }: CliIo): AnalysisWriter {
  return {
    write(outcome) {
      stdout.write(`${JSON.stringify(documentOf(outcome))}\n`);
    },
    end: () => undefined,
  };
}

function tableWriter({ stdout, env }: CliIo): AnalysisWriter {
  const options = {
    paint: paintFor(stdout, env),
    width: Math.max(60, Math.min(stdout.columns, 120)),
  };
  return {
    write(outcome) {
      const lines =
        "envelope" in outcome
          ? formatAnalysis(outcome.source, outcome.envelope, options)
          : formatFailure(outcome.source, outcome.error.message, options);
      stdout.write(`${lines.join("\n")}\n`);
    },
    end: () => undefined,
  };
}
