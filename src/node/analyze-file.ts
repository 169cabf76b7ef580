// The shortest way from a photo on disk to an answer.

import { readFile } from "node:fs/promises";
import { FlorenceError } from "../shared/errors.ts";
import { analyze } from "../shared/analyze/analyze.ts";
import { decodeImage } from "../shared/image/decode-image.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import {
  parseAnalyzeRequest,
  type Envelope,
} from "../shared/schema/analysis.ts";
import { loadImageCodecs } from "./image-codecs.ts";
import { NODE_PLATFORM } from "./platform.ts";

/** A request as it goes over the wire, its image left out. */
export interface FileRequest {
  readonly tasks: readonly object[];
  readonly options?: object;
  readonly metadata?: object;
}

/**
 * Analyzes a picture on disk.
 *
 * @example
 * const loaded = await openBundle(MODEL_IN_THE_BOX);
 * const request = { tasks: [{ task: "caption" }] };
 * const { results } = await analyzeFile(loaded, "photo.jpg", request);
 *
 * @throws FlorenceError `not_found` if there is no such file, otherwise what
 *   `decodeImage`, `parseAnalyzeRequest` and `analyze` throw.
 */
export async function analyzeFile(
  loaded: LoadedModel,
  path: string,
  request: FileRequest,
  signal?: AbortSignal,
): Promise<Envelope> {
  const parsed = parseAnalyzeRequest(request);
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new FlorenceError("not_found", `There is no readable file ${path}.`, {
      cause,
    });
  });
  const startMs = NODE_PLATFORM.now();
  const image = await decodeImage(bytes, await loadImageCodecs());
  const decodeMs = NODE_PLATFORM.now() - startMs;
  const input = { ...parsed, image, bytes, decodeMs, signal };
  return await analyze(loaded, input, NODE_PLATFORM);
}
