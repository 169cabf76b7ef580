// Pictures as PNG by another Worker: the rasterizer and its font are larger than
// all the rest, and most requests want none.

import { FlorenceError } from "../../src/shared/errors.ts";
import type { Platform } from "../../src/shared/analyze/analyze.ts";
import type { RgbaImage } from "../../src/shared/render/rasterizer.ts";
import type { Env } from "./env.ts";
import { WORKER_PLATFORM } from "./platform.ts";

/**
 * Longest side of an annotated picture, in pixels: beside a loaded model an
 * isolate has room for some 20 MB, which is 10 bytes for each of its pixels.
 */
export const MAX_SIDE = 1600;

/** What `workers/pictures` answers. */
export interface PicturesCalls {
  rasterize(svg: string, width: number): Promise<RgbaImage>;
}

/** With pictures as PNG, where a Worker that draws them is bound. */
export function platformOf({ PICTURES: pictures }: Env): Platform {
  if (pictures === undefined) return WORKER_PLATFORM;
  return {
    ...WORKER_PLATFORM,
    rasterizer: {
      maxSide: MAX_SIDE,
      async rasterize(svg, width) {
        try {
          // Without what else a call's result carries.
          const drawn = await pictures.rasterize(svg, width);
          return { width: drawn.width, height: drawn.height, data: drawn.data };
        } catch (cause) {
          const reason = cause instanceof Error ? cause.message : String(cause);
          throw new FlorenceError(
            "engine_unavailable",
            `The Worker that draws pictures, behind PICTURES, does not answer: ${reason} Deploy workers/pictures, or ask for "svg".`,
            { cause },
          );
        }
      },
    },
  };
}
