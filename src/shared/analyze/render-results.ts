// The picture of an analysis, as its envelope carries it.

import type { ImageSize } from "../geometry.ts";
import type { DecodedImage } from "../image/decode-image.ts";
import { annotatePhoto } from "../render/annotate-photo.ts";
import { toBase64 } from "../render/base64.ts";
import type { Rasterizer } from "../render/rasterizer.ts";
import { renderSvg } from "../render/svg.ts";
import type {
  AnalyzeOptions,
  Envelope,
  EnvelopeResult,
} from "../schema/analysis.ts";
import type { TaskRequest } from "../tasks/index.ts";

export interface RenderInput {
  readonly image: DecodedImage | null;
  /** Of the image as sent. */
  readonly size: ImageSize;
  readonly tasks: readonly TaskRequest[];
  readonly options: AnalyzeOptions;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Draws the results: as SVG an overlay without the photo, as PNG both in one.
 *
 * @returns null if none was asked for, and for a PNG once the time is up, of
 *   which `warn` is told.
 */
export async function renderResults(
  results: readonly EnvelopeResult[],
  { image, size, tasks, options, signal }: RenderInput,
  rasterizer: Rasterizer | null,
  warn: (message: string) => void,
): Promise<NonNullable<Envelope["rendering"]> | null> {
  const { format } = options.render;
  if (format === "none") return null;
  const { coordinates } = options;
  const overlay = renderSvg(results, size, { coordinates, requests: tasks });
  if (format === "svg") {
    const bytes = new TextEncoder().encode(overlay);
    return { media_type: "image/svg+xml", base64: toBase64(bytes) };
  }
  if (signal?.aborted === true) {
    warn("The picture was not drawn: the time was up before.");
    return null;
  }
  if (image === null || rasterizer === null)
    throw new Error("internal: a PNG without pixels or rasterizer");
  const png = await annotatePhoto(image.image, overlay, rasterizer);
  return { media_type: "image/png", base64: toBase64(png) };
}
