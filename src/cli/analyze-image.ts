// One image: read, decoded, analyzed, and if asked for, annotated.

import { analyze } from "../shared/analyze/analyze.ts";
import { decodeImage, type ImageCodecs } from "../shared/image/decode-image.ts";
import type { LoadedModel } from "../shared/model/open-model.ts";
import { annotatePhoto } from "../shared/render/annotate-photo.ts";
import { renderSvg } from "../shared/render/svg.ts";
import type { AnalyzeRequest, Envelope } from "../shared/schema/analysis.ts";
import { NODE_PLATFORM } from "../node/platform.ts";
import { NODE_RASTERIZER } from "../node/rasterize.ts";
import type { ImageInput } from "./image-inputs.ts";
import { writeOutput } from "./write-output.ts";

export interface AnalyzeTools {
  readonly loaded: LoadedModel;
  readonly codecs: ImageCodecs;
  readonly request: AnalyzeRequest;
  readonly signal: AbortSignal;
}

/**
 * Analyzes one input.
 *
 * @param annotateTo where the annotated photo goes, if anywhere.
 * @throws FlorenceError what kept the whole image from being analyzed.
 */
export async function analyzeImage(
  input: ImageInput,
  tools: AnalyzeTools,
  annotateTo?: string,
): Promise<Envelope> {
  const { loaded, codecs, request, signal } = tools;
  const bytes = await input.read();
  const startMs = performance.now();
  const image = await decodeImage(bytes, codecs);
  const decodeMs = performance.now() - startMs;
  const { tasks, options } = request;
  const metadata = { source: input.source, ...request.metadata };
  const envelope = await analyze(
    loaded,
    { image, bytes, tasks, options, metadata, decodeMs, signal },
    NODE_PLATFORM,
  );
  if (annotateTo !== undefined) {
    const overlay = renderSvg(envelope.results, image.size, {
      coordinates: options.coordinates,
      requests: tasks,
    });
    const png = await annotatePhoto(image.image, overlay, NODE_RASTERIZER);
    await writeOutput(annotateTo, png);
  }
  return envelope;
}
