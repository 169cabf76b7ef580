// From a reference to the picture's bytes, or to what was seen of it.

import type { SeenImage } from "../../shared/analyze/seen-image.ts";
import { FlorenceError } from "../../shared/errors.ts";
import type { Host } from "../host.ts";
import type { Principal } from "../principal.ts";
import type { ImageReference } from "./image-reference.ts";

/** A picture at hand. */
export type ResolvedImage =
  | {
      readonly bytes: Uint8Array;
      readonly seen: null;
      readonly fetchMs: number;
    }
  | {
      readonly bytes: null;
      readonly seen: SeenImage;
      readonly fetchMs: number;
    };

export interface ImageResolver {
  /**
   * @throws FlorenceError `not_found`, `expired`, `url_forbidden`,
   *   `url_fetch_failed`, `image_too_large`, `deadline_exceeded`.
   */
  resolve(
    reference: ImageReference,
    principal: Principal,
    signal: AbortSignal,
  ): Promise<ResolvedImage>;
}

// eslint-disable-next-line @typescript-eslint/no-unused-vars
export function createImageResolver(_host: Host): ImageResolver {
  return {
    resolve(reference) {
      if (reference.kind !== "bytes") {
        return Promise.reject(
          new FlorenceError("invalid_request", "Send the bytes."),
        );
      }
      return Promise.resolve({
        bytes: reference.bytes,
        seen: null,
        fetchMs: 0,
      });
    },
  };
}
