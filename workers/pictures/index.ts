// The Worker that draws: SVG in, pixels out, for the Workers that are bound to
// it. The same library and the same letters as on Node. It answers nothing from
// outside.

import roboto from "@expo-google-fonts/roboto/500Medium/Roboto_500Medium.ttf";
import wasm from "@resvg/resvg-wasm/index_bg.wasm";
import { WorkerEntrypoint } from "cloudflare:workers";
import { createResvgRasterizer } from "../../src/shared/render/resvg-rasterizer.ts";
import { MAX_SIDE, type PicturesCalls } from "../edge/pictures.ts";

const rasterizer = createResvgRasterizer(MAX_SIDE, () =>
  Promise.resolve({ wasm, font: new Uint8Array(roboto) }),
);

export default class Pictures
  extends WorkerEntrypoint
  implements PicturesCalls
{
  override fetch(): Response {
    return new Response(null, { status: 404 });
  }

  rasterize(svg: string, width: number) {
    return rasterizer.rasterize(svg, width);
  }
}
