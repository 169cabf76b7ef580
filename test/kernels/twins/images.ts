// Convolutions and pooling over `[height, width, channels]`, in float64.

/** An image and its channels. */
export interface Picture {
  readonly data: Float32Array | Float64Array; // [height, width, channels]
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/** How a window moves over an image. */
export interface Window {
  readonly size: number;
  readonly stride: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/** A pixel of a window, its place in it and its value. */
interface Seen {
  readonly tap: number;
  readonly value: number;
}

/** What a window at an output pixel sees inside the image, of one channel. */
function* look(
  picture: Picture,
  window: Window,
  row: number,
  column: number,
  channel: number,
): Generator<Seen> {
  for (let v = 0; v < window.size; v += 1) {
    for (let u = 0; u < window.size; u += 1) {
      const y = row * window.stride - window.padTop + v;
      const x = column * window.stride - window.padLeft + u;
      if (y < 0 || y >= picture.height || x < 0 || x >= picture.width) continue;
      const at = (y * picture.width + x) * picture.channels + channel;
      yield { tap: v * window.size + u, value: picture.data[at]! };
    }
  }
}

/** Calls `pixel` for each output value; gives back all of them. */
function eachOutput(
  window: Window,
  channels: number,
  pixel: (row: number, column: number, channel: number) => number,
): Float64Array {
  const result = new Float64Array(
    window.outHeight * window.outWidth * channels,
  );
  let at = 0;
  for (let row = 0; row < window.outHeight; row += 1) {
    for (let column = 0; column < window.outWidth; column += 1) {
      for (let channel = 0; channel < channels; channel += 1) {
        result[at] = pixel(row, column, channel);
        at += 1;
      }
    }
  }
  return result;
}

/** Each channel with its own filter `[size, size, channels]`. */
export function depthwise(
  picture: Picture,
  window: Window,
  filter: Float32Array,
  bias: Float32Array,
): Float64Array {
  return eachOutput(window, picture.channels, (row, column, channel) => {
    let sum = bias[channel]!;
    for (const { tap, value } of look(picture, window, row, column, channel)) {
      sum += value * filter[tap * picture.channels + channel]!;
    }
    return sum;
  });
}

/** All channels into each output; weights `[out, size, size, channels]`. */
export function convolve(
  picture: Picture,
  window: Window,
  weights: Float32Array,
  bias: Float32Array,
): Float64Array {
  const { channels } = picture;
  const taps = window.size ** 2;
  return eachOutput(window, bias.length, (row, column, out) => {
    let sum = bias[out]!;
    for (let channel = 0; channel < channels; channel += 1) {
      for (const seen of look(picture, window, row, column, channel)) {
        const at = (out * taps + seen.tap) * channels + channel;
        sum += seen.value * weights[at]!;
      }
    }
    return sum;
  });
}

/** The greatest of each window. */
export function maxPool(picture: Picture, window: Window): Float64Array {
  return eachOutput(window, picture.channels, (row, column, channel) =>
    [...look(picture, window, row, column, channel)].reduce(
      (most, { value }) => Math.max(most, value),
      -Infinity,
    ),
  );
}

/** The mean of each window. */
export function averagePool(picture: Picture, window: Window): Float64Array {
  return eachOutput(window, picture.channels, (row, column, channel) => {
    const seen = [...look(picture, window, row, column, channel)];
    return seen.reduce((sum, { value }) => sum + value, 0) / seen.length;
  });
}

/**
 * A transposed 2x2 convolution of stride 2.
 *
 * @param weights `[2, 2, out, channels]`.
 */
export function transposed2x2(
  picture: Picture,
  weights: Float32Array,
  bias: Float32Array,
): Float64Array {
  const { width, height, channels, data } = picture;
  const outs = bias.length;
  const result = new Float64Array(4 * height * width * outs);
  for (let row = 0; row < 2 * height; row += 1) {
    for (let column = 0; column < 2 * width; column += 1) {
      const from = ((row >> 1) * width + (column >> 1)) * channels;
      const tap = (row & 1) * 2 + (column & 1);
      for (let out = 0; out < outs; out += 1) {
        let sum = bias[out]!;
        for (let channel = 0; channel < channels; channel += 1) {
          const weight = weights[(tap * outs + out) * channels + channel]!;
          sum += data[from + channel]! * weight;
        }
        result[(row * 2 * width + column) * outs + out] = sum;
      }
    }
  }
  return result;
}
