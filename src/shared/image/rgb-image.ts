// A decoded picture: what every decoder returns and every model takes.

/** Pixels of a picture, 8 bits a channel, row by row from the top left. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  /** `height * width * 3` bytes, R G B. */
  readonly data: Uint8Array;
}
