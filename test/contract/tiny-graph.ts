// The smallest graph that has weights in a file: `y = x W`, `z = -y`. Field
// numbers: onnx/onnx.proto.

import { ProtobufWriter } from "../../src/convert/onnx/protobuf.ts";
import type { GraphFiles } from "../../src/shared/model/session.ts";

const FLOAT = 1; // TensorProto.FLOAT
const EXTERNAL = 1; // TensorProto.EXTERNAL

/**
 * A graph with `x` `[B, side]` in, `y` and `z` `[B, side]` out; the weights
 * double what comes in.
 */
export function tinyGraph(side: number): GraphFiles {
  const model = new ProtobufWriter();
  model.int(1, 8); // version of the format
  model.message(7, (graph) => {
    writeNode(graph, "MatMul", ["x", "W"], "y");
    writeNode(graph, "Neg", ["y"], "z");
    graph.string(2, "tiny");
    graph.message(5, (tensor) => {
      writeWeights(tensor, side);
    });
    writePort(graph, 11, "x", side);
    writePort(graph, 12, "y", side);
    writePort(graph, 12, "z", side);
  });
  model.message(8, (opset) => {
    opset.int(2, 17);
  });

  const weights = new Float32Array(side * side);
  for (let at = 0; at < side; at += 1) weights[at * side + at] = 2;
  return {
    graph: model.finish(),
    weights: { "w.bin": new Uint8Array(weights.buffer) },
  };
}

function writeNode(
  graph: ProtobufWriter,
  operator: string,
  inputs: readonly string[],
  output: string,
): void {
  graph.message(1, (node) => {
    for (const input of inputs) node.string(1, input);
    node.string(2, output);
    node.string(4, operator);
  });
}

/** The matrix `W`, which lies in `w.bin`. */
function writeWeights(tensor: ProtobufWriter, side: number): void {
  tensor.int(1, side);
  tensor.int(1, side);
  tensor.int(2, FLOAT);
  tensor.string(8, "W");
  const place = {
    location: "w.bin",
    offset: "0",
    length: String(side * side * 4),
  };
  for (const [key, value] of Object.entries(place)) {
    tensor.message(13, (entry) => {
      entry.string(1, key);
      entry.string(2, value);
    });
  }
  tensor.int(14, EXTERNAL);
}

/** An input (field 11) or output (12) of `[B, side]` floats. */
function writePort(
  graph: ProtobufWriter,
  field: number,
  name: string,
  side: number,
): void {
  graph.message(field, (port) => {
    port.string(1, name);
    port.message(2, (type) => {
      type.message(1, (tensor) => {
        tensor.int(1, FLOAT);
        tensor.message(2, (shape) => {
          shape.message(1, (axis) => {
            axis.string(2, "B");
          });
          shape.message(1, (axis) => {
            axis.int(1, side);
          });
        });
      });
    });
  });
}
