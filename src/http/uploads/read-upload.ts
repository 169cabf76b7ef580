// The picture of an upload, for `image.upload_id`.

import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import { sql } from "../ports/database.ts";

/** What is needed of a host. */
export type UploadHost = Pick<
  Host,
  "database" | "store" | "bucket" | "platform"
>;

/**
 * The file of an upload, wherever it lies.
 *
 * @throws FlorenceError `not_found` if the tenant has no such upload or its
 *   file has not come; `expired`.
 */
export async function readUpload(
  host: UploadHost,
  uploadId: string,
  tenant: string,
): Promise<Uint8Array> {
  const [row] = await host.database.all(
    sql`SELECT state, blob_key, bucket_key, sha256, expires_ms FROM uploads
      WHERE id = ${uploadId} AND tenant = ${tenant}`,
  );
  const name = uploadId.slice(0, 100);
  if (row === undefined) {
    throw refused("not_found", `There is no upload ${name}. Make one with POST /v1/uploads.`); // prettier-ignore
  }
  if (Number(row["expires_ms"]) <= host.platform.now()) {
    throw refused("expired", `The upload ${name} is kept no longer. Upload the image again.`); // prettier-ignore
  }
  if (row["state"] !== "stored") {
    throw refused("not_found", `The file of upload ${name} has not come. Send it with PUT to the upload's url first.`); // prettier-ignore
  }
  const { blob_key: blobKey, bucket_key: bucketKey } = row;
  const blob =
    typeof blobKey === "string"
      ? await host.store.get(blobKey)
      : await host.bucket.get(String(bucketKey));
  if (blob === null) {
    throw refused("expired", `The file of upload ${name} is gone. Upload the image again.`); // prettier-ignore
  }
  // A bucket's owner may write another file under the same key; that one has an
  // upload of its own.
  const isReplaced =
    typeof blobKey !== "string" &&
    (await host.platform.sha256(blob.bytes)) !== row["sha256"];
  if (isReplaced) {
    throw refused("expired", `The file of upload ${name} was replaced in its bucket. Upload the image again.`); // prettier-ignore
  }
  return blob.bytes;
}

function refused(code: "not_found" | "expired", message: string) {
  const detail = code === "expired" ? "expired" : "not known";
  return new FlorenceError(code, message, {
    errors: [{ pointer: "/image/upload_id", detail }],
  });
}
