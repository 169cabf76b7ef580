// Writes small safetensors files for tests.

import { writeFileSync } from "node:fs";

/** Values of one tensor and how they are stored. */
export interface TestTensor {
  readonly dtype: "F32" | "F16" | "BF16" | "I64";
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Writes a file; tensors in the order given. */
export function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, TestTensor>>,
): void {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const bodies: Uint8Array[] = [];
  let at = 0;
  for (const [name, { dtype, shape, values }] of Object.entries(tensors)) {
    const body = encode(dtype, values);
    header[name] = { dtype, shape, data_offsets: [at, at + body.length] };
    bodies.push(body);
    at += body.length;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer);
  writeFileSync(path, Buffer.concat([length, text, ...bodies]));
}

function encode(
  dtype: TestTensor["dtype"],
  values: readonly number[],
): Uint8Array {
  switch (dtype) {
    case "F32":
      return new Uint8Array(Float32Array.from(values).buffer);
    case "F16":
      return new Uint8Array(Float16Array.from(values).buffer);
    case "BF16": {
      const bits = new Uint32Array(Float32Array.from(values).buffer);
      return new Uint8Array(
        Uint16Array.from(bits, (word) => word >>> 16).buffer,
      );
    }
    case "I64":
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
  }
}
