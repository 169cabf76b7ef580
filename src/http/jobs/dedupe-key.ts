// A repeated request makes no second job, even where the first was cut off
// between making it and keeping its answer.

import type { ImageReference } from "../analyze/image-reference.ts";
import type { Host } from "../host.ts";
import type { NewJob } from "./job.ts";

/**
 * A job's name by its `Idempotency-Key` and all that it asks; undefined without
 * the header.
 */
export async function dedupeKeyOf(
  { platform }: Pick<Host, "platform">,
  request: Request,
  job: Pick<NewJob, "images" | "request" | "callback">,
): Promise<string | undefined> {
  const key = request.headers.get("Idempotency-Key");
  if (key === null) return undefined;
  const images = await Promise.all(
    job.images.map(async (image): Promise<ImageReference | string> =>
      image.kind === "bytes" ? await platform.sha256(image.bytes) : image,
    ),
  );
  const asked = JSON.stringify([images, job.request, job.callback ?? null]);
  const hash = await platform.sha256(new TextEncoder().encode(asked));
  return `idempotency:${key}:${hash}`;
}
