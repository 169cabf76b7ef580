// What a model said, photo by photo: a header that tells what was asked of
// whom, then one line a photo, written as it is answered.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import { EnvelopeSchema } from "../../shared/schema/analysis.ts";
import { openJournal, type Journal } from "../../node/journal.ts";
import { dataError, parseLine } from "../data/data-error.ts";

const Sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u));

/** The first line: predictions of another question are not mixed in. */
export const PredictionsHeader = v.strictObject({
  florence_predictions: v.literal(1),
  bundle: v.strictObject({
    id: v.string(),
    /** Names the weights. */
    revision: v.string(),
    /** Of `manifest.json`, which names everything else. */
    sha256: Sha256,
  }),
  data: v.strictObject({ sha256: Sha256 }),
  measures: v.array(v.string()),
  /** Options of the request that differ from the defaults. */
  options: v.record(v.string(), v.unknown()),
});

const Answered = v.object({
  id: v.string(),
  image: v.string(),
  /** Of the file, and its upright size in pixels. */
  sha256: v.string(),
  width: v.number(),
  height: v.number(),
  results: EnvelopeSchema.entries.results,
  ms: v.object({
    decode: v.number(),
    vision: v.number(),
    text: v.number(),
    total: v.number(),
  }),
});

const Skipped = v.object({
  id: v.string(),
  image: v.string(),
  problem: v.object({ code: v.string(), detail: v.string() }),
});

export type PredictionsHeader = v.InferOutput<typeof PredictionsHeader>;
export type AnsweredPhoto = v.InferOutput<typeof Answered>;
export type SkippedPhoto = v.InferOutput<typeof Skipped>;
export type Prediction = AnsweredPhoto | SkippedPhoto;

/** An open file of predictions; its opener closes it. */
export interface Predictions {
  readonly journal: Journal;
  /** What was there already, by the item's id. */
  readonly known: ReadonlyMap<string, Prediction>;
}

/** Whether a photo was answered. */
export function isAnswered(one: Prediction): one is AnsweredPhoto {
  return "results" in one;
}

/**
 * Opens a file of predictions to go on with it, or begins one.
 *
 * @throws FlorenceError `invalid_request` if it holds answers to another
 *   question, naming the first difference, or a line that cannot be read.
 */
export async function openPredictions(
  path: string,
  header: PredictionsHeader,
): Promise<Predictions> {
  const journal = await openJournal(path);
  try {
    const [first, ...lines] = journal.lines;
    if (first === undefined) {
      await journal.append(header);
      return { journal, known: new Map() };
    }
    refuseOther(parseLine(PredictionsHeader, parseText(first, path, 1), path, 1), header, path); // prettier-ignore
    const known = new Map<string, Prediction>();
    for (const [at, line] of lines.entries()) {
      const value = parseText(line, path, at + 2);
      const schema = isSkippedLine(value) ? Skipped : Answered;
      const prediction = parseLine(schema, value, path, at + 2);
      known.set(prediction.id, prediction);
    }
    return { journal, known };
  } catch (error) {
    await journal.close();
    throw error;
  }
}

function isSkippedLine(value: unknown): boolean {
  return typeof value === "object" && value !== null && "problem" in value;
}

function parseText(line: string, path: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw dataError(
      path,
      number,
      `this is no JSON: ${line.slice(0, 60)}. Remove the line: its photo is then asked again.`,
      cause,
    );
  }
}

function refuseOther(
  found: PredictionsHeader,
  wanted: PredictionsHeader,
  path: string,
): void {
  const differences = [
    ["another bundle", found.bundle, wanted.bundle],
    ["other data", found.data, wanted.data],
    ["other measures", found.measures, wanted.measures],
    ["other options", found.options, wanted.options],
  ] as const;
  for (const [what, before, now] of differences) {
    const [a, b] = [JSON.stringify(before), JSON.stringify(now)];
    if (a === b) continue;
    throw new FlorenceError(
      "invalid_request",
      `${path} holds answers of ${what}: ${a}, and not ${b}. Name another --out, or remove the file.`,
    );
  }
}
