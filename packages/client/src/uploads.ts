// Pictures that are sent ahead, to an address that is signed.

import { apiError } from "./florence-api-error.ts";
import type { NewUpload, PresignedUpload, Upload } from "./schemas.ts";
import type { TaskRequest } from "./tasks.ts";
import {
  pause,
  type CallOptions,
  type ClientOptions,
  type Transport,
} from "./transport.ts";

/** What an upload is for; all of it may be left out. */
export interface UploadRequest extends Omit<NewUpload, "tasks"> {
  /** Asked of the picture as soon as it is there. */
  readonly tasks?: readonly TaskRequest[];
}

export interface Uploads {
  /** Asks for an address. Repeated under the same key, it is made once. */
  create(
    upload?: UploadRequest,
    options?: CallOptions & { readonly idempotencyKey?: string },
  ): Promise<PresignedUpload>;

  /** Sends the picture. */
  put(
    upload: PresignedUpload,
    picture: Blob | ArrayBuffer | Uint8Array<ArrayBuffer>,
    options?: CallOptions,
  ): Promise<Upload>;

  get(id: string, options?: CallOptions): Promise<Upload>;

  /** Asks now and then until the picture is there, whoever sends it. */
  wait(id: string, options?: CallOptions): Promise<Upload>;
}

const FIRST_PAUSE_SECONDS = 0.25;
const MAX_PAUSE_SECONDS = 5;

export function createUploads(
  transport: Transport,
  send: ClientOptions["fetch"],
): Uploads {
  const uploads: Uploads = {
    async create(upload = {}, options = {}) {
      const { signal, idempotencyKey = crypto.randomUUID() } = options;
      const response = await transport.send("/v1/uploads", {
        method: "POST",
        headers: { "Idempotency-Key": idempotencyKey },
        json: upload,
        ...(signal !== undefined && { signal }),
      });
      return (await response.json()) as PresignedUpload;
    },

    async put({ url, method, headers }, picture, { signal } = {}) {
      // The address is signed: the key stays here.
      const response = await (send ?? fetch)(url, {
        method,
        headers,
        body: picture,
        ...(signal !== undefined && { signal }),
      });
      if (!response.ok) throw await apiError(response);
      return (await response.json()) as Upload;
    },

    async get(id, options) {
      const path = `/v1/uploads/${encodeURIComponent(id)}`;
      const response = await transport.send(path, options);
      return (await response.json()) as Upload;
    },

    async wait(id, options = {}) {
      let seconds = FIRST_PAUSE_SECONDS;
      for (;;) {
        const upload = await uploads.get(id, options);
        if (upload.status !== "waiting") return upload;
        await pause(seconds, options.signal);
        seconds = Math.min(MAX_PAUSE_SECONDS, seconds * 1.5);
      }
    },
  };
  return uploads;
}
