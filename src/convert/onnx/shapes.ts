// Shapes computed inside a graph: one axis of a value, and reshapes over free
// axes.

import type { GraphBuilder, Value } from "./graph.ts";

/** One axis of a value as an int64 tensor of one element. */
export function axisOf(graph: GraphBuilder, x: Value, axis: number): Value {
  return graph.node("Shape", [x], {
    start: { int: axis },
    end: { int: axis + 1 },
  });
}

/**
 * Reshapes; a number is an axis (0 copies the input's, -1 is what is left), a
 * value one from `axisOf`.
 */
export function reshape(
  graph: GraphBuilder,
  x: Value,
  shape: readonly (number | Value)[],
): Value {
  return graph.node("Reshape", [x, shapeOf(graph, shape)]);
}

/** Joins numbers and axes into one int64 tensor. */
export function shapeOf(
  graph: GraphBuilder,
  shape: readonly (number | Value)[],
): Value {
  const pieces: Value[] = [];
  let numbers: number[] = [];
  const flush = (): void => {
    if (numbers.length > 0) pieces.push(graph.ints(numbers));
    numbers = [];
  };
  for (const side of shape) {
    if (typeof side === "number") {
      numbers.push(side);
    } else {
      flush();
      pieces.push(side);
    }
  }
  flush();
  return pieces.length === 1
    ? pieces[0]!
    : graph.node("Concat", pieces, { axis: { int: 0 } });
}

export function transpose(
  graph: GraphBuilder,
  x: Value,
  order: readonly number[],
): Value {
  return graph.node("Transpose", [x], { perm: { ints: order } });
}

/** `x[:, ..., from:to]` on some axes; bounds are int64 tensors of one element. */
export function slice(
  graph: GraphBuilder,
  x: Value,
  from: readonly (number | Value)[],
  to: readonly (number | Value)[],
  axes: readonly number[],
): Value {
  return graph.node("Slice", [
    x,
    shapeOf(graph, from),
    shapeOf(graph, to),
    graph.ints(axes),
  ]);
}

/** The last axis in equal pieces. */
export function splitLast(
  graph: GraphBuilder,
  x: Value,
  count: number,
): readonly Value[] {
  return graph.nodes("Split", [x], count, {
    axis: { int: -1 },
    num_outputs: { int: count },
  });
}
