// An image, a clock and a request for tests of `analyze`.

import type {
  AnalyzeInput,
  Platform,
} from "../../../src/shared/analyze/analyze.ts";
import type { RgbImage } from "../../../src/shared/image/rgb-image.ts";
import type { AnalyzeRequest } from "../../../src/shared/schema/analysis.ts";

/** Its clock stands still, its ids are all the first. */
export const FAKE_PLATFORM: Platform = {
  now: () => 0,
  id: (prefix) => `${prefix}_1`,
  sha256: () => Promise.resolve("0".repeat(64)),
};

/** A black image. */
export function blank(width: number, height: number): RgbImage {
  return { width, height, data: new Uint8Array(width * height * 3) };
}

/** A request about a black image of 100 by 50 pixels. */
export function inputOf(
  request: AnalyzeRequest,
  more: Partial<AnalyzeInput> & { readonly pixels?: RgbImage } = {},
): AnalyzeInput {
  const { pixels = blank(100, 50), ...rest } = more;
  return {
    ...request,
    image: {
      image: pixels,
      mediaType: "image/png",
      size: { width: pixels.width, height: pixels.height },
      orientationApplied: false,
      scaled: false,
    },
    bytes: new Uint8Array(1),
    ...rest,
  };
}
