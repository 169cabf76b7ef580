// One photo and all questions about it: one vision pass, one line.

import { readFile } from "node:fs/promises";
import { NODE_PLATFORM } from "../../node/platform.ts";
import { analyze } from "../../shared/analyze/analyze.ts";
import { FlorenceError, isFlorenceError, type ErrorCode } from "../../shared/errors.ts"; // prettier-ignore
import type { ImageSize } from "../../shared/geometry.ts";
import { decodeImage, type ImageCodecs } from "../../shared/image/decode-image.ts"; // prettier-ignore
import type { LoadedModel } from "../../shared/model/open-model.ts";
import { parseAnalyzeRequest } from "../../shared/schema/analysis.ts";
import { parseTask, type TaskRequest } from "../../shared/tasks/index.ts";
import type { Ask } from "../measures/measure.ts";
import { findPhoto } from "./find-photo.ts";
import type { Prediction } from "./predictions.ts";

/** A photo to be answered; plain data, it goes to another thread. */
export interface PhotoJob {
  readonly id: string;
  readonly image: string;
  /** Size the truth is meant for; null if it may be any. */
  readonly size: ImageSize | null;
  readonly asks: readonly Ask[];
}

export interface PhotoTools {
  readonly loaded: LoadedModel;
  readonly codecs: ImageCodecs;
  /** Folder of the photos. */
  readonly folder: string;
  /** Options of the request, as over HTTP. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Errors after which no other photo has a chance. */
const FINAL: readonly ErrorCode[] = ["engine_unavailable", "bundle_invalid"];

/**
 * Asks a model everything about one photo.
 *
 * @returns what it said, or why there is nothing: a photo that is missing,
 *   does not decode, or has another size than its truth, is no error.
 * @throws FlorenceError `engine_unavailable` if the model is gone.
 */
export async function answerPhoto(
  job: PhotoJob,
  { loaded, codecs, folder, options }: PhotoTools,
): Promise<Prediction> {
  const { id, image: name } = job;
  try {
    const path = await findPhoto(folder, name);
    const bytes = await readFile(path);
    const startMs = performance.now();
    const image = await decodeImage(bytes, codecs);
    const decodeMs = performance.now() - startMs;
    refuseOtherSize(job, image.size);
    const request = parseAnalyzeRequest({ tasks: [{ task: "caption" }], options }); // prettier-ignore
    const tasks = job.asks.map((ask): TaskRequest => {
      const parsed = parseTask(ask.request, `/${ask.id}`);
      return { ...parsed, id: ask.id };
    });
    const envelope = await analyze(
      loaded,
      { image, bytes, tasks: tasks.map((task) => fitRegions(task, image.size)), options: request.options, decodeMs },
      NODE_PLATFORM,
    ); // prettier-ignore
    const { width, height, sha256 } = envelope.image;
    const { decode, vision, text, total } = envelope.timings_ms;
    return {
      ...{ id, image: name, sha256, width, height },
      results: envelope.results,
      ms: { decode, vision, text, total },
    };
  } catch (error) {
    if (!isFlorenceError(error) || FINAL.includes(error.code)) throw error;
    const problem = { code: error.code, detail: error.message };
    return { id, image: name, problem };
  }
}

function refuseOtherSize({ size }: PhotoJob, found: ImageSize): void {
  if (size === null) return;
  if (size.width === found.width && size.height === found.height) return;
  throw new FlorenceError(
    "invalid_request",
    `The photo is ${found.width} by ${found.height}, but its truth is for ${size.width} by ${size.height}. Name the folder of the photos as the data set has them.`,
  );
}

/** Truth may reach past the photo's edge by a rounding; a request may not. */
function fitRegions(task: TaskRequest, size: ImageSize): TaskRequest {
  if (!("regions" in task)) return task;
  const clamp = (value: number, most: number) => Math.min(most, Math.max(0, value)); // prettier-ignore
  return {
    ...task,
    regions: task.regions.map(({ box }) => ({
      box: {
        x_min: clamp(box.x_min, size.width),
        y_min: clamp(box.y_min, size.height),
        x_max: clamp(box.x_max, size.width),
        y_max: clamp(box.y_max, size.height),
      },
    })),
  };
}
