// What `POST /v1/jobs` is sent: an analysis, and where its answer shall go.

import * as v from "valibot";
import {
  parseAnalyzeRequest,
  type AnalyzeRequest,
} from "../../shared/schema/analysis.ts";
import type { ImageReference } from "../analyze/image-reference.ts";
import { refuseAbsentEngine } from "../analyze/check-options.ts";
import { readSentRequest } from "../analyze/read-analyze-request.ts";
import type { Host } from "../host.ts";
import { parseBody } from "../read-json-body.ts";
import { CallbackSchema, type Callback } from "../webhooks/callback.ts";

/** Fields of a job beside those of an analysis. */
export const JOB_ENTRIES = { callback: v.exactOptional(CallbackSchema) };

const Own = v.strictObject(JOB_ENTRIES);

export interface AskedJob {
  readonly image: ImageReference;
  readonly request: AnalyzeRequest;
  readonly callback: Callback | undefined;
}

/**
 * Reads `POST /v1/jobs`.
 *
 * @throws FlorenceError with every code of a caller's mistake.
 */
export async function readJobRequest(
  request: Request,
  host: Host,
): Promise<AskedJob> {
  const { image, asked } = await readSentRequest(request, host.limits);
  return { image, ...parseAskedJob(asked, host) };
}

/**
 * Parses what is asked of a job's images.
 *
 * @throws FlorenceError as above.
 */
export function parseAskedJob(
  asked: Readonly<Record<string, unknown>>,
  host: Host,
): Omit<AskedJob, "image"> {
  const { callback, ...analysis } = asked;
  const own = parseBody({ ...(callback !== undefined && { callback }) }, Own);
  const request = parseAnalyzeRequest(analysis);
  refuseAbsentEngine(request.options, host.engines);
  return { request, callback: own.callback };
}
