// A graph as the bytes of an ONNX file. Field numbers: onnx/onnx.proto.

import type {
  Attribute,
  Body,
  Constant,
  ElementType,
  Graph,
  Port,
} from "./graph.ts";
import type { Initializer } from "./initializer.ts";
import { landmarkKey } from "./landmarks.ts";
import { ProtobufWriter } from "./protobuf.ts";

/** Operator set: 20 is the first with `Gelu`; 17 has `LayerNormalization`. */
export const OPSET = 20;
const IR_VERSION = 9;

/** Where a weight lies. */
export interface Placement {
  /** File beside the graph. */
  readonly file: string;
  readonly offset: number;
  readonly bytes: number;
}

const ELEMENT = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
} as const satisfies Record<ElementType, number>;

const ATTRIBUTE = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  ints: 7,
} as const;

/**
 * Writes a model whose weights lie in other files.
 *
 * @param placements one for each of the graph's initializers, by name.
 */
export function encodeModel(
  graph: Graph,
  placements: ReadonlyMap<string, Placement>,
): Uint8Array {
  const model = new ProtobufWriter();
  model.int(1, IR_VERSION);
  model.string(2, "florence");
  model.message(7, (message) => {
    writeBody(message, graph);
    for (const [name, constant] of graph.constants) {
      message.message(5, (tensor) => {
        writeConstant(tensor, constant, name);
      });
    }
    for (const initializer of graph.initializers) {
      const placement = placements.get(initializer.name);
      if (placement === undefined) {
        throw new Error(`internal: ${initializer.name} was not placed`);
      }
      message.message(5, (tensor) => {
        writeExternal(tensor, initializer, placement);
      });
    }
  });
  model.message(8, (opset) => {
    opset.string(1, "");
    opset.int(2, OPSET);
  });
  for (const landmark of graph.landmarks) {
    model.message(14, (property) => {
      property.string(1, landmarkKey(landmark));
      property.string(2, landmark.value);
    });
  }
  return model.finish();
}

function writeBody(message: ProtobufWriter, body: Body): void {
  for (const [index, node] of body.nodes.entries()) {
    message.message(1, (target) => {
      for (const input of node.inputs) target.string(1, input);
      for (const output of node.outputs) target.string(2, output);
      target.string(3, `${body.name}/${node.operator}_${index}`);
      target.string(4, node.operator);
      for (const [name, attribute] of Object.entries(node.attributes)) {
        target.message(5, (field) => {
          writeAttribute(field, name, attribute);
        });
      }
    });
  }
  message.string(2, body.name);
  for (const port of body.inputs) writePort(message, 11, port);
  for (const port of body.outputs) writePort(message, 12, port);
}

function writeAttribute(
  field: ProtobufWriter,
  name: string,
  attribute: Attribute,
): void {
  field.string(1, name);
  if ("float" in attribute) {
    field.float(2, attribute.float);
    field.int(20, ATTRIBUTE.float);
  } else if ("int" in attribute) {
    field.int(3, attribute.int);
    field.int(20, ATTRIBUTE.int);
  } else if ("string" in attribute) {
    field.string(4, attribute.string);
    field.int(20, ATTRIBUTE.string);
  } else if ("constant" in attribute) {
    field.message(5, (tensor) => {
      writeConstant(tensor, attribute.constant, "");
    });
    field.int(20, ATTRIBUTE.tensor);
  } else if ("graph" in attribute) {
    field.message(6, (graph) => {
      writeBody(graph, attribute.graph);
    });
    field.int(20, ATTRIBUTE.graph);
  } else {
    for (const value of attribute.ints) field.int(8, value);
    field.int(20, ATTRIBUTE.ints);
  }
}

function writePort(message: ProtobufWriter, number: number, port: Port): void {
  message.message(number, (info) => {
    info.string(1, port.name);
    info.message(2, (type) => {
      type.message(1, (tensor) => {
        tensor.int(1, ELEMENT[port.type]);
        tensor.message(2, (shape) => {
          for (const side of port.shape) {
            shape.message(1, (dimension) => {
              if (typeof side === "number") dimension.int(1, side);
              else dimension.string(2, side);
            });
          }
        });
      });
    });
  });
}

function writeConstant(
  tensor: ProtobufWriter,
  constant: Constant,
  name: string,
): void {
  for (const side of constant.dims) tensor.int(1, side);
  tensor.int(2, ELEMENT[constant.type]);
  tensor.string(8, name);
  tensor.bytes(9, rawBytes(constant));
}

function rawBytes({ type, values }: Constant): Uint8Array {
  switch (type) {
    case "float32":
      return new Uint8Array(Float32Array.from(values).buffer);
    case "int64":
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    case "bool":
      return Uint8Array.from(values);
  }
}

function writeExternal(
  tensor: ProtobufWriter,
  initializer: Initializer,
  placement: Placement,
): void {
  for (const side of initializer.dims) tensor.int(1, side);
  tensor.int(2, ELEMENT[initializer.type]);
  tensor.string(8, initializer.name);
  const entries = {
    location: placement.file,
    offset: String(placement.offset),
    length: String(placement.bytes),
  };
  for (const [key, value] of Object.entries(entries)) {
    tensor.message(13, (entry) => {
      entry.string(1, key);
      entry.string(2, value);
    });
  }
  tensor.int(14, 1);
}
