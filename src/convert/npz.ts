// NumPy's files: `.npy` holds an array, `.npz` several by name.
// Source: numpy.lib.format, version 1.0.

import { zipSync } from "fflate";

/** A dense array of single floats, row-major. */
export interface FloatArray {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

/** The bytes of a `.npy` file; 64 are a multiple of where its values begin. */
export function encodeNpy({ dims, data }: FloatArray): Uint8Array {
  const shape = dims.length === 1 ? `${dims[0]},` : dims.join(", ");
  const head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape}), }`;
  const length = Math.ceil((10 + head.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length + data.length * 4);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0]); // \x93NUMPY 1.0
  const view = new DataView(bytes.buffer);
  view.setUint16(8, length - 10, true);
  const padded = `${head.padEnd(length - 11)}\n`;
  bytes.set(new TextEncoder().encode(padded), 10);
  for (const [at, value] of data.entries())
    view.setFloat32(length + at * 4, value, true);
  return bytes;
}

/** The bytes of a `.npz` file, not compressed, as `numpy.savez` writes it. */
export function encodeNpz(arrays: ReadonlyMap<string, FloatArray>): Uint8Array {
  const files = [...arrays].map(([name, array]) => [
    `${name}.npy`,
    encodeNpy(array),
  ]);
  // Dated, so that the same arrays are the same bytes.
  return zipSync(Object.fromEntries(files) as Record<string, Uint8Array>, {
    level: 0,
    mtime: "1980-01-01T00:00:00",
  });
}
