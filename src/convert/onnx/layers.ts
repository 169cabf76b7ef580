// The layers all graphs are made of, in the precision of the bundle.
//
// fp32: weights as they are. fp16: matrices stored as float16 and cast when
// the graph is loaded; vectors float32. int8: linear layers, the embedding and
// the head as int8 with a scale for each output, activations quantized as they
// come (the pattern ONNX Runtime fuses); full convolutions as int8 with a scale
// for each output channel, brought back to float32 when the graph is loaded
// (ConvInteger is far slower than Conv); what is small and sensitive (depthwise
// convolutions, the projector, positions, whatever has fewer than
// `SMALLEST_QUANTIZED` values) as float16; vectors float32.

import type { Checkpoint, CheckpointTensor } from "../checkpoint.ts";
import type { GraphBuilder, Value } from "./graph.ts";
import {
  int8Initializer,
  joinedVectorInitializer,
  plainInitializer,
  scaleInitializer,
  transposedInitializer,
  transposedInt8Initializer,
} from "./initializer.ts";

export type Precision = "fp32" | "fp16" | "int8";

/** Layers over the weights of one checkpoint, for one graph. */
export interface Layers {
  readonly graph: GraphBuilder;
  readonly checkpoint: Checkpoint;

  /**
   * `x @ W^T + b`; several names give their outputs side by side.
   *
   * @param names of layers, without `.weight` and `.bias`.
   * @param options `quantize: "never"` keeps it out of int8; `"weights"`
   *   quantizes the weights but not what comes in.
   */
  linear(
    x: Value,
    names: string | readonly string[],
    options?: LinearOptions,
  ): Value;
  layerNorm(x: Value, name: string): Value;
  gelu(x: Value): Value;
  /** NCHW; `padding` is top, left, bottom, right. */
  conv(x: Value, name: string, options: ConvOptions): Value;
  /** A tensor as float32, whatever it is stored as. */
  table(
    name: string,
    options?: { readonly dims?: readonly number[]; readonly from?: number },
  ): Value;
  /** Rows of a `[V, d]` matrix by id. */
  embed(name: string, ids: Value): Value;
  /** `[R, d]` times the rows of a `[V, d]` matrix: `[R, V]`. */
  head(name: string, x: Value): Value;
}

export interface LinearOptions {
  readonly bias?: boolean;
  readonly quantize?: "never" | "weights";
}

export interface ConvOptions {
  readonly stride: number;
  readonly padding: readonly [number, number, number, number];
  readonly groups?: number;
}

/** A matrix below this gains nothing from int8. */
const SMALLEST_QUANTIZED = 4096;
const EPSILON = 1e-5; // PyTorch's default; Florence-2's configs have no key for it

const FLOAT = { int: 1 }; // TensorProto.FLOAT, for Cast

/** The layers of one graph. */
export function createLayers(
  graph: GraphBuilder,
  checkpoint: Checkpoint,
  precision: Precision,
): Layers {
  const stored = precision === "fp32" ? "float32" : "float16";

  const toFloat = (x: Value): Value => graph.node("Cast", [x], { to: FLOAT });
  const widen = (x: Value): Value => (stored === "float32" ? x : toFloat(x));
  const vector = (names: readonly string[]): Value => {
    const tensors = names.map((name) => checkpoint.tensor(name));
    return graph.weight(joinedVectorInitializer(tensors, names.join("+")));
  };
  const scale = (
    tensors: readonly CheckpointTensor[],
    dims?: readonly number[],
  ): Value =>
    graph.weight(
      scaleInitializer(tensors, `${joinedName(tensors)}.scale`, dims),
    );

  /** `x @ W`, both in int8, back in float32. */
  const int8Product = (x: Value, weight: Value, scales: Value): Value => {
    const [quantized, xScale, xZero] = graph.nodes(
      "DynamicQuantizeLinear",
      [x],
      3,
    );
    const product = graph.node("MatMulInteger", [quantized!, weight, xZero!]);
    const factor = graph.node("Mul", [xScale!, scales]);
    return graph.node("Mul", [toFloat(product), factor]);
  };

  const product = (
    x: Value,
    tensors: readonly CheckpointTensor[],
    options: LinearOptions,
  ): Value => {
    const name = joinedName(tensors);
    const [only] = tensors;
    const count = tensors.reduce((sum, tensor) => sum + tensor.count, 0);
    if (only!.isTransposed) {
      return graph.node("MatMul", [
        x,
        widen(graph.weight(plainInitializer(only!, stored, name))),
      ]);
    }
    if (
      precision === "int8" &&
      options.quantize !== "never" &&
      count >= SMALLEST_QUANTIZED
    ) {
      const weight = graph.weight(
        transposedInt8Initializer(tensors, `${name}.int8`),
      );
      if (options.quantize !== "weights")
        return int8Product(x, weight, scale(tensors));
      return graph.node("MatMul", [
        x,
        graph.node("Mul", [toFloat(weight), scale(tensors)]),
      ]);
    }
    const weight = graph.weight(transposedInitializer(tensors, stored, name));
    return graph.node("MatMul", [x, widen(weight)]);
  };

  return {
    graph,
    checkpoint,
    linear(x, names, options = {}) {
      const list = typeof names === "string" ? [names] : names;
      const tensors = list.map((name) => checkpoint.tensor(`${name}.weight`));
      const result = product(x, tensors, options);
      if (options.bias === false) return result;
      return graph.node("Add", [
        result,
        vector(list.map((name) => `${name}.bias`)),
      ]);
    },
    layerNorm(x, name) {
      const weights = [vector([`${name}.weight`]), vector([`${name}.bias`])];
      return graph.node("LayerNormalization", [x, ...weights], {
        axis: { int: -1 },
        epsilon: { float: EPSILON },
      });
    },
    gelu: (x) => graph.node("Gelu", [x]),
    conv(x, name, { stride, padding, groups = 1 }) {
      const tensor = checkpoint.tensor(`${name}.weight`);
      const [outputs, , height, width] = tensor.shape as [
        number,
        number,
        number,
        number,
      ];
      let weight: Value;
      if (
        precision === "int8" &&
        groups === 1 &&
        tensor.count >= SMALLEST_QUANTIZED
      ) {
        const quantized = graph.weight(
          int8Initializer(tensor, `${name}.weight.int8`),
        );
        weight = graph.node("Mul", [
          toFloat(quantized),
          scale([tensor], [outputs, 1, 1, 1]),
        ]);
      } else {
        weight = widen(
          graph.weight(plainInitializer(tensor, stored, `${name}.weight`)),
        );
      }
      return graph.node("Conv", [x, weight, vector([`${name}.bias`])], {
        kernel_shape: { ints: [height, width] },
        strides: { ints: [stride, stride] },
        pads: { ints: padding },
        group: { int: groups },
      });
    },
    table(name, options = {}) {
      const suffix = options.from === undefined ? "" : `@${options.from}`;
      return widen(
        graph.weight(
          plainInitializer(
            checkpoint.tensor(name),
            stored,
            name + suffix,
            options,
          ),
        ),
      );
    },
    embed(name, ids) {
      const tensor = checkpoint.tensor(name);
      if (precision !== "int8") {
        const weight = graph.weight(plainInitializer(tensor, stored, name));
        return widen(graph.node("Gather", [weight, ids]));
      }
      const rows = graph.node("Gather", [
        graph.weight(int8Initializer(tensor, `${name}.int8`)),
        ids,
      ]);
      const scales = graph.node("Gather", [scale([tensor]), ids]);
      return graph.node("Mul", [
        toFloat(rows),
        graph.node("Unsqueeze", [scales, graph.ints([-1])]),
      ]);
    },
    head(name, x) {
      const tensor = checkpoint.tensor(name);
      if (precision !== "int8") {
        const weight = widen(
          graph.weight(plainInitializer(tensor, stored, name)),
        );
        return graph.node("Gemm", [x, weight], { transB: { int: 1 } });
      }
      const weight = graph.weight(int8Initializer(tensor, `${name}.int8`));
      const columns = graph.node("Transpose", [weight], {
        perm: { ints: [1, 0] },
      });
      return int8Product(x, columns, scale([tensor]));
    },
  };
}

function joinedName(tensors: readonly CheckpointTensor[]): string {
  return tensors.map((tensor) => tensor.nativeName).join("+");
}
