// How SVG becomes pixels: the platform brings it, since fonts and WebAssembly
// reach every platform in another way.

/** Pixels of a drawn SVG. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  /** `height * width * 4` bytes, R G B A, colors premultiplied by alpha. */
  readonly data: Uint8Array;
}

export interface Rasterizer {
  /** Longest side of the pictures it draws, in pixels: memory is bounded. */
  readonly maxSide: number;

  /**
   * Draws an SVG, keeping its shape.
   *
   * @param width of the picture, in pixels.
   */
  rasterize(svg: string, width: number): Promise<RgbaImage>;
}
