// SVG overlays to pixels, with a font of our own so that every machine draws
// the same letters.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { initWasm, Resvg, type ResvgRenderOptions } from "@resvg/resvg-wasm";
import type { Rasterizer, RgbaImage } from "../shared/render/rasterizer.ts";

/**
 * Draws an SVG as PNG, keeping its shape.
 *
 * Letters are Roboto Medium's: Latin, Greek, Cyrillic and Vietnamese. A
 * character it lacks (Chinese, Japanese, Korean, Arabic, emoji ...) becomes an
 * empty box; in the SVG itself a browser finds a font for it. Text is drawn with this
 * font alone, whatever is installed on the machine.
 *
 * Peak memory: 4 bytes a pixel, twice.
 *
 * @param width of the PNG, in pixels.
 */
export async function rasterizeSvg(
  svg: string,
  width: number,
): Promise<Uint8Array> {
  return withRendering(svg, width, (rendering) => rendering.asPng());
}

/** As `rasterizeSvg`, but gives the pixels. */
export async function rasterizeToPixels(
  svg: string,
  width: number,
): Promise<RgbaImage> {
  return withRendering(svg, width, (rendering) => ({
    width: rendering.width,
    height: rendering.height,
    data: rendering.pixels,
  }));
}

/** As `rasterizeToPixels`. Above its side nobody looks closer. */
export const NODE_RASTERIZER: Rasterizer = {
  maxSide: 4096,
  rasterize: rasterizeToPixels,
};

type Rendering = ReturnType<InstanceType<typeof Resvg>["render"]>;

async function withRendering<Result>(
  svg: string,
  width: number,
  use: (rendering: Rendering) => Result,
): Promise<Result> {
  const font = await loadRenderer();
  const options: ResvgRenderOptions = {
    fitTo: { mode: "width", value: width },
    font: {
      fontBuffers: [font],
      defaultFontFamily: "Roboto",
      sansSerifFamily: "Roboto",
    },
  };
  const drawing = new Resvg(svg, options);
  try {
    const rendering = drawing.render();
    try {
      return use(rendering);
    } finally {
      rendering.free();
    }
  } finally {
    drawing.free();
  }
}

let renderer: Promise<Uint8Array> | undefined;

/** Starts the renderer, which takes its WebAssembly once, and reads the font. */
function loadRenderer(): Promise<Uint8Array> {
  renderer ??= (async () => {
    const [wasm, font] = await Promise.all([
      readPackageFile("@resvg/resvg-wasm/index_bg.wasm"),
      readPackageFile(
        "@expo-google-fonts/roboto/500Medium/Roboto_500Medium.ttf",
      ),
    ]);
    await initWasm(wasm);
    return font;
  })();
  return renderer;
}

async function readPackageFile(
  specifier: string,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await readFile(fileURLToPath(import.meta.resolve(specifier))),
  );
}
