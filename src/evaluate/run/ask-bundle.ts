// The run: asks what has not been asked yet, then judges all of it.

import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { bundleFolder } from "../../node/bundle-folder.ts";
import { adoptTransformersJsFolder } from "../../node/transformers-js-folder.ts";
import { FlorenceError, throwIfAborted } from "../../shared/errors.ts";
import type { Manifest } from "../../shared/model/manifest.ts";
import { readManifest } from "../../shared/model/open-model.ts";
import type { EvaluationData, DataFormat } from "../data/read-data.ts";
import type { EvaluationItem } from "../data/item.ts";
import type { Ask, Measure } from "../measures/measure.ts";
import { answerWithCrew } from "./answer-crew.ts";
import type { PhotoJob } from "./answer-photo.ts";
import { withoutCalibration } from "./raw-scores.ts";
import { isAnswered, openPredictions, type Prediction } from "./predictions.ts";

/** Everything a run is told. */
export interface AskOptions {
  /** Folder of the bundle. */
  readonly bundle: string;
  readonly data: EvaluationData;
  /** Folder of the photos. */
  readonly images: string;
  /** File of the predictions. */
  readonly predictions: string;
  readonly measures: readonly Measure[];
  /** Options of the request that differ from the defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Photos that are asked about, in the order of the data; all if left out. */
  readonly limit?: number | undefined;
  readonly workers: number;
  /** Threads of one model's run. */
  readonly threads: number;
  /** Whether scores stay the model's own, whatever chances the bundle knows. */
  readonly isRaw: boolean;
  readonly signal: AbortSignal;
  /** @param done photos that are answered, those of earlier runs too. */
  readonly onProgress: (done: number, total: number, image: string) => void;
}

/** Who was asked, and what came of it. */
export interface AskedBundle {
  readonly manifest: Manifest;
  /** SHA-256 of `manifest.json`. */
  readonly sha256: string;
  readonly formats: readonly DataFormat[];
  /** In the order of the data. */
  readonly answers: readonly {
    readonly item: EvaluationItem;
    readonly prediction: Prediction;
  }[];
  /** Measures that cannot be taken of this bundle, and why. */
  readonly refused: readonly { readonly measure: Measure; readonly reason: string }[]; // prettier-ignore
  /** Measures that were taken. */
  readonly measures: readonly Measure[];
  /** Photos that were answered in an earlier run. */
  readonly known: number;
}

/**
 * Asks a bundle about the photos of a data set. What the file of predictions
 * has already is not asked again.
 *
 * @throws FlorenceError `bundle_invalid`; `invalid_request` if the file holds
 *   answers to another question; `deadline_exceeded` if the signal is aborted:
 *   what was answered by then is in the file.
 */
export async function askBundle(options: AskOptions): Promise<AskedBundle> {
  const { data, limit } = options;
  const source =
    (await adoptTransformersJsFolder(options.bundle)) ??
    bundleFolder(options.bundle);
  const told = await readManifest(source);
  const isStripped = options.isRaw && told.calibration !== undefined;
  const manifest = isStripped ? withoutCalibration(told) : told;
  // Without its calibration it is the manifest that was calibrated.
  const bytes = isStripped
    ? `${JSON.stringify(manifest, null, 1)}\n`
    : await source.read("manifest.json");
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const items = data.items.slice(0, limit ?? data.items.length);
  const { measures, refused } = chooseMeasures(options.measures, items, manifest); // prettier-ignore

  refuseNothing(measures, refused);
  await mkdir(join(options.predictions, ".."), { recursive: true });
  const { journal, known } = await openPredictions(options.predictions, {
    florence_predictions: 1,
    bundle: { id: manifest.id, revision: manifest.revision, sha256 },
    data: { sha256: data.sha256 },
    measures: measures.map(({ name }) => name),
    options: options.options,
  });
  const predictions = new Map(known);
  try {
    const jobs = items.flatMap((item): PhotoJob[] => {
      const asks = asksOf(item, measures);
      if (asks.length === 0 || isDone(known.get(item.id))) return [];
      return [{ id: item.id, image: item.image, size: item.size, asks }];
    });
    const asked = items.filter((item) => asksOf(item, measures).length > 0);
    const total = asked.length;
    let done = asked.filter(({ id }) => isDone(known.get(id))).length;
    if (jobs.length > 0) {
      const { bundle, images: folder, threads, isRaw, options: request } = options; // prettier-ignore
      const settings = { bundle, folder, threads, isRaw, options: request };
      const workers = Math.min(options.workers, jobs.length);
      await answerWithCrew(settings, workers, {
        jobs,
        signal: options.signal,
        async onPrediction(prediction) {
          await journal.append(prediction);
          predictions.set(prediction.id, prediction);
          done += 1;
          options.onProgress(done, total, prediction.image);
        },
      });
    }
  } finally {
    await journal.close();
  }
  throwIfAborted(options.signal);
  return {
    ...{ manifest, sha256, formats: data.formats, refused, measures },
    answers: items.flatMap((item) => {
      const prediction = predictions.get(item.id);
      return prediction === undefined ? [] : [{ item, prediction }];
    }),
    known: items.filter(({ id }) => isDone(known.get(id))).length,
  };
}

/** What may be otherwise the next time: the folder of photos was a wrong one. */
const ASKED_AGAIN = ["not_found", "invalid_request"];

function isDone(prediction: Prediction | undefined): boolean {
  if (prediction === undefined) return false;
  return (
    isAnswered(prediction) || !ASKED_AGAIN.includes(prediction.problem.code)
  );
}

function chooseMeasures(
  wanted: readonly Measure[],
  items: readonly EvaluationItem[],
  manifest: Manifest,
): Pick<AskedBundle, "measures" | "refused"> {
  const measures: Measure[] = [];
  const refused: { measure: Measure; reason: string }[] = [];
  for (const measure of wanted) {
    if (!items.some((item) => measure.asks(item).length > 0)) continue;
    if (measure.task === null) {
      refused.push({ measure, reason: "none of the 15 tasks answers it" });
    } else if (!manifest.tasks.includes(measure.task)) {
      refused.push({ measure, reason: `${manifest.id} was not trained for ${measure.task}` }); // prettier-ignore
    } else measures.push(measure);
  }
  return { measures, refused };
}

/** @throws FlorenceError `invalid_request`, with what keeps it from being measured. */
function refuseNothing(
  measures: AskedBundle["measures"],
  refused: AskedBundle["refused"],
): void {
  if (measures.length > 0) return;
  const reasons = refused.map(
    ({ measure, reason }) => `${measure.title}: ${reason}`,
  );
  throw new FlorenceError(
    "invalid_request",
    reasons.length === 0
      ? "The data says nothing a measure could be taken by. It needs captions, objects, phrases, or lines of writing."
      : `Nothing can be measured. ${reasons.join(". ")}.`,
  );
}

/** All questions about a photo, each once. */
function asksOf(item: EvaluationItem, measures: readonly Measure[]): Ask[] {
  const asks = measures.flatMap((measure) => measure.asks(item));
  return [...new Map(asks.map((ask) => [ask.id, ask])).values()];
}
