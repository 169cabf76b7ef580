// What an inbound webhook brings, whatever its kind: pictures, each with a name
// that stays the same when the message comes again.

import type { HookSource } from "../config.ts";

/** Where a picture is. */
export type IncomingPlace =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "url"; readonly url: string; readonly pointer: string }
  /** In the service's bucket, under this key. */
  | { readonly kind: "bucket"; readonly key: string };

export interface IncomingPicture {
  /** Names the picture within its source, for ever. */
  readonly dedupeKey: string;
  readonly place: IncomingPlace;
  /** What its source calls it. */
  readonly key: string | null;
}

/** A message whose signature holds. */
export interface IncomingMessage {
  readonly pictures: readonly IncomingPicture[];
  /** What it tells of beside, and why that is left alone. */
  readonly ignored: readonly string[];
}

/** A request as it came, its body read. */
export interface HookRequest {
  readonly source: HookSource;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly nowMs: number;
  readonly sha256: (bytes: Uint8Array) => Promise<string>;
}

/** Pictures of one message. */
export const MAX_PICTURES = 100;
