// Landmarks: values inside a graph, noted in its ONNX file by name, that can be
// made outputs of a copy. Field numbers: onnx/onnx.proto.

import { FlorenceError } from "../../shared/errors.ts";
import type { Landmark } from "./graph.ts";
import { ProtobufWriter } from "./protobuf.ts";

const STAGE = "florence.stage.";
const VALUE = "florence.value.";

/** Under which key a file's metadata names a landmark's value. */
export function landmarkKey({ name, endsStage }: Landmark): string {
  return `${endsStage ? STAGE : VALUE}${name}`;
}

/**
 * The landmarks of an ONNX file, in its order; none in a file of others.
 *
 * @throws FlorenceError `bundle_invalid` if the bytes are not a model.
 */
export function readLandmarks(model: Uint8Array): Landmark[] {
  const landmarks: Landmark[] = [];
  for (const property of fieldsOf(model, 14)) {
    const key = textOf(property, 1);
    const endsStage = key.startsWith(STAGE);
    if (!endsStage && !key.startsWith(VALUE)) continue;
    const name = key.slice((endsStage ? STAGE : VALUE).length);
    landmarks.push({ name, value: textOf(property, 2), endsStage });
  }
  return landmarks;
}

/**
 * A copy of an ONNX file that also gives the values named.
 *
 * Nothing is parsed: protocol buffers merge a message that comes twice, so that
 * a second `graph` with outputs alone adds them to the first.
 */
export function withOutputs(
  model: Uint8Array,
  values: readonly string[],
): Uint8Array {
  const more = new ProtobufWriter();
  more.message(7, (graph) => {
    for (const value of values) {
      graph.message(12, (output) => {
        output.string(1, value);
        output.message(2, (type) => {
          type.message(1, (tensor) => {
            tensor.int(1, 1); // float32
          });
        });
      });
    }
  });
  return Buffer.concat([model, more.finish()]);
}

function textOf(message: Uint8Array, field: number): string {
  const [bytes] = fieldsOf(message, field);
  return new TextDecoder().decode(bytes ?? new Uint8Array(0));
}

/** The contents of every field of one number that has a length. */
function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = message[at];
      if (byte === undefined) throw notAModel();
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === 0) varint();
    else if (kind === 1) at += 8;
    else if (kind === 5) at += 4;
    else if (kind === 2) {
      const length = varint();
      if (at + length > message.length) throw notAModel();
      if (Math.floor(tag / 8) === wanted)
        found.push(message.subarray(at, at + length));
      at += length;
    } else throw notAModel();
  }
  return found;
}

function notAModel(): FlorenceError {
  return new FlorenceError(
    "bundle_invalid",
    "A graph of the bundle is not an ONNX file. Convert the model again with florence convert.",
  );
}
