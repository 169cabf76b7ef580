// Pictures that are sent ahead, straight to the store.

import { apiError } from "./florence-api-error.ts";
import type { AnalyzeOptions, Callback } from "./schemas.ts";
import type { TaskRequest } from "./tasks.ts";
import type { CallOptions, ClientOptions, Transport } from "./transport.ts";

/** What an upload is for; all of it may be left out. */
export interface NewUpload {
  /** Asked of the picture as soon as it is there. */
  readonly tasks?: readonly TaskRequest[];
  readonly options?: AnalyzeOptions;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly callback?: Callback;
}

/** Where and how to send the picture. */
export interface Upload {
  readonly upload_id: string;
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expires_at: string;
}

export interface Uploads {
  create(upload?: NewUpload, options?: CallOptions): Promise<Upload>;

  /**
   * Sends the picture.
   *
   * @returns what the store answered.
   */
  put(
    upload: Upload,
    picture: Blob | ArrayBuffer | Uint8Array<ArrayBuffer>,
    options?: CallOptions,
  ): Promise<unknown>;
}

export function createUploads(
  transport: Transport,
  send: ClientOptions["fetch"],
): Uploads {
  return {
    async create(upload = {}, { signal } = {}) {
      const response = await transport.send("/v1/uploads", {
        method: "POST",
        json: upload,
        ...(signal !== undefined && { signal }),
      });
      return (await response.json()) as Upload;
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
      const text = await response.text();
      return text === "" ? null : (JSON.parse(text) as unknown);
    },
  };
}
