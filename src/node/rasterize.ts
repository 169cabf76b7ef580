// SVG overlays to pixels on Node: the files come from the installed packages.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { encode } from "fast-png";
import type { Rasterizer } from "../shared/render/rasterizer.ts";
import { createResvgRasterizer } from "../shared/render/resvg-rasterizer.ts";

/** Above this nobody looks closer, and the PNG takes a minute to write. */
const MAX_SIDE = 4096;

/** The rasterizer of this process. */
export const NODE_RASTERIZER: Rasterizer = createResvgRasterizer(
  MAX_SIDE,
  async () => {
    const [wasm, font] = await Promise.all([
      readPackageFile("@resvg/resvg-wasm/index_bg.wasm"),
      readPackageFile(
        "@expo-google-fonts/roboto/500Medium/Roboto_500Medium.ttf",
      ),
    ]);
    return { wasm, font };
  },
);

/**
 * Draws an SVG as PNG, keeping its shape and what is transparent.
 *
 * @param width of the PNG, in pixels.
 */
export async function rasterizeSvg(
  svg: string,
  width: number,
): Promise<Uint8Array> {
  const drawn = await NODE_RASTERIZER.rasterize(svg, width);
  const data = Uint8Array.from(drawn.data);
  // PNG knows no premultiplied colors.
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3]!;
    if (alpha === 0 || alpha === 255) continue;
    for (let channel = 0; channel < 3; channel += 1) {
      const value = (data[at + channel]! * 255) / alpha;
      data[at + channel] = Math.min(255, Math.round(value));
    }
  }
  const { width: drawnWidth, height } = drawn;
  return encode({ width: drawnWidth, height, data, channels: 4 });
}

async function readPackageFile(
  specifier: string,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await readFile(fileURLToPath(import.meta.resolve(specifier))),
  );
}
