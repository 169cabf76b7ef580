// Pictures in a Worker: the same library and the same letters as on Node, both
// carried by the script.

import roboto from "@expo-google-fonts/roboto/500Medium/Roboto_500Medium.ttf";
import wasm from "@resvg/resvg-wasm/index_bg.wasm";
import { createResvgRasterizer } from "../../src/shared/render/resvg-rasterizer.ts";

/**
 * Longest side of an annotated picture, in pixels: beside a loaded model an
 * isolate has room for some 20 MB, which is 10 bytes for each of its pixels.
 */
const MAX_SIDE = 1600;

/** The rasterizer of this isolate. */
export const EDGE_RASTERIZER = createResvgRasterizer(MAX_SIDE, () =>
  Promise.resolve({ wasm, font: new Uint8Array(roboto) }),
);
