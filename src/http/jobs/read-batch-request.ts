// What `POST /v1/batches` is sent: several images, and what is asked of each.

import * as v from "valibot";
import { FlorenceError } from "../../shared/errors.ts";
import type { AnalyzeRequest } from "../../shared/schema/analysis.ts";
import {
  parseImageReference,
  type ImageReference,
} from "../analyze/image-reference.ts";
import type { Host } from "../host.ts";
import { readJsonBody } from "../read-json-body.ts";
import type { Callback } from "../webhooks/callback.ts";
import { MAX_JOB_IMAGES } from "./job.ts";
import { parseAskedJob } from "./read-job-request.ts";

const HOW_MANY = `1 to ${MAX_JOB_IMAGES} images`;

/** `images` as sent; each is parsed by itself. */
const SentBatch = v.looseObject({
  images: v.pipe(
    v.array(v.unknown(), HOW_MANY),
    v.minLength(1, HOW_MANY),
    v.maxLength(MAX_JOB_IMAGES, HOW_MANY),
  ),
});

export interface AskedBatch {
  readonly images: readonly ImageReference[];
  readonly request: AnalyzeRequest;
  readonly callback: Callback | undefined;
}

/**
 * Reads `POST /v1/batches`.
 *
 * @throws FlorenceError with every code of a caller's mistake.
 */
export async function readBatchRequest(
  request: Request,
  host: Host,
): Promise<AskedBatch> {
  const { maxJsonBytes, maxImageBytes } = host.limits;
  const { images: sent, ...asked } = await readJsonBody(request, SentBatch, {
    maxBytes: maxJsonBytes,
  });
  const own = parseAskedJob(asked, host);
  const images = sent.map((image, index) =>
    parseImageReference(image, `/images/${index}`),
  );
  for (const [index, image] of images.entries()) {
    if (image.kind === "bytes" && image.bytes.length > maxImageBytes) {
      throw new FlorenceError(
        "image_too_large",
        `Image ${index} is ${image.bytes.length} bytes; the limit is ${maxImageBytes}. Resize it and send it again.`,
      );
    }
  }
  return { images, ...own };
}
