// A delivery's body as it goes out: what does not stay true is made anew for
// each attempt.

import type { Host } from "../host.ts";
import type { Row } from "../ports/database.ts";
import { signAddress } from "../uploads/signed-address.ts";

/** `data` of `image.uploaded`, as far as it is needed here. */
interface UploadedBody {
  readonly data: {
    readonly upload_id: string;
    readonly [field: string]: unknown;
  };
}

/**
 * The body to sign and send. The picture's address in `image.uploaded` is good
 * for an hour from now, however long ago the picture came.
 *
 * @param row of `deliveries`.
 */
export async function sentBody(host: Host, row: Row): Promise<string> {
  const body = String(row["body"]);
  if (row["event_type"] !== "image.uploaded") return body;
  // Written by `uploads.ts`.
  const event = JSON.parse(body) as UploadedBody;
  const { url } = await signAddress(host, "GET", event.data.upload_id);
  return JSON.stringify({ ...event, data: { ...event.data, image_url: url } });
}
