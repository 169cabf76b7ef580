// SVG overlays to pixels by resvg, with a font of our own so that every machine
// draws the same letters.

import { initWasm, Resvg, type ResvgRenderOptions } from "@resvg/resvg-wasm";
import type { Rasterizer } from "./rasterizer.ts";

/** What the platform brings; asked for at the first picture. */
export interface ResvgFiles {
  /** `@resvg/resvg-wasm/index_bg.wasm` */
  readonly wasm: WebAssembly.Module | Uint8Array<ArrayBuffer>;
  /** Roboto Medium. */
  readonly font: Uint8Array;
}

/**
 * A rasterizer; the library takes its WebAssembly once, so there is one in a
 * process.
 *
 * Letters are Roboto Medium's: Latin, Greek, Cyrillic and Vietnamese. A
 * character it lacks (Chinese, Japanese, Korean, Arabic, emoji ...) becomes an
 * empty box; in the SVG itself a browser finds a font for it. Text is drawn with this
 * font alone, whatever is installed on the machine.
 *
 * Peak memory: 4 bytes a pixel, twice.
 */
export function createResvgRasterizer(
  maxSide: number,
  read: () => Promise<ResvgFiles>,
): Rasterizer {
  let starting: Promise<Uint8Array> | null = null;
  const start = (): Promise<Uint8Array> => {
    starting ??= read().then(async ({ wasm, font }) => {
      await initWasm(wasm);
      return font;
    });
    return starting;
  };

  return {
    maxSide,
    async rasterize(svg, width) {
      const options: ResvgRenderOptions = {
        fitTo: { mode: "width", value: width },
        font: {
          fontBuffers: [await start()],
          defaultFontFamily: "Roboto",
          sansSerifFamily: "Roboto",
        },
      };
      const drawing = new Resvg(svg, options);
      try {
        const rendering = drawing.render();
        try {
          const { width: drawn, height, pixels } = rendering;
          return { width: drawn, height, data: pixels };
        } finally {
          rendering.free();
        }
      } finally {
        drawing.free();
      }
    },
  };
}
