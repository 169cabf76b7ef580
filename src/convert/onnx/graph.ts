// An ONNX graph being built: nodes in order over named values. The weights are
// only described here; the bundle writer makes and places them.

import type { Initializer } from "./initializer.ts";

/** A value of the graph, by name; an empty string is an input left out. */
export type Value = string;

export type ElementType =
  "float32" | "float16" | "int64" | "int32" | "bool" | "int8" | "uint8";

export type Attribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly constant: Constant }
  | { readonly graph: Body };

/** A small tensor kept inside the graph's own file. */
export interface Constant {
  readonly type: "float32" | "int64" | "bool";
  readonly dims: readonly number[];
  readonly values: readonly number[];
}

export interface Node {
  readonly operator: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output; a string is a free axis. */
export interface Port {
  readonly name: Value;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A graph, or a branch of one. */
export interface Body {
  readonly name: string;
  readonly nodes: readonly Node[];
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/** A whole graph with its weights. */
export interface Graph extends Body {
  readonly constants: ReadonlyMap<Value, Constant>;
  readonly initializers: readonly Initializer[];
  readonly landmarks: readonly Landmark[];
}

/** A value inside a graph that `florence features` can ask for. */
export interface Landmark {
  /** What it is called outside: `stage_1`, `block4_add`. */
  readonly name: string;
  readonly value: Value;
  /** Whether it ends a stage, and is given where none is named. */
  readonly endsStage: boolean;
}

export type Attributes = Readonly<Record<string, Attribute>>;

/** Builds one graph; values get short names unless they are given one. */
export class GraphBuilder {
  readonly name: string;
  readonly inputs: Port[] = [];
  readonly outputs: Port[] = [];
  #nodes: Node[] = [];
  readonly #constants = new Map<Value, Constant>();
  readonly #initializers = new Map<string, Initializer>();
  readonly #landmarks: Landmark[] = [];
  #count = 0;

  constructor(name: string) {
    this.name = name;
  }

  input(name: Value, type: ElementType, shape: Port["shape"]): Value {
    this.inputs.push({ name, type, shape });
    return name;
  }

  /** Gives `value` to the outside under `name`. */
  output(
    name: Value,
    value: Value,
    type: ElementType,
    shape: Port["shape"],
  ): void {
    this.nodeTo([name], "Identity", [value]);
    this.outputs.push({ name, type, shape });
  }

  /** Notes a value inside; the graph computes nothing more for it. */
  landmark(name: string, value: Value, endsStage: boolean): void {
    this.#landmarks.push({ name, value, endsStage });
  }

  /** Adds a node with one output and returns it. */
  node(
    operator: string,
    inputs: readonly Value[],
    attributes: Attributes = {},
  ): Value {
    return this.nodes(operator, inputs, 1, attributes)[0]!;
  }

  /** Adds a node with several outputs. */
  nodes(
    operator: string,
    inputs: readonly Value[],
    count: number,
    attributes: Attributes = {},
  ): readonly Value[] {
    const outputs = Array.from({ length: count }, () => this.#fresh());
    this.#nodes.push({ operator, inputs, outputs, attributes });
    return outputs;
  }

  /** Adds a node whose outputs have the given names. */
  nodeTo(
    outputs: readonly Value[],
    operator: string,
    inputs: readonly Value[],
    attributes: Attributes = {},
  ): void {
    this.#nodes.push({ operator, inputs, outputs, attributes });
  }

  /** A weight; the same one may be asked for again. */
  weight(initializer: Initializer): Value {
    this.#initializers.set(initializer.name, initializer);
    return initializer.name;
  }

  ints(values: readonly number[]): Value {
    return this.constant({ type: "int64", dims: [values.length], values });
  }

  int(value: number): Value {
    return this.constant({ type: "int64", dims: [], values: [value] });
  }

  float(value: number): Value {
    return this.constant({ type: "float32", dims: [], values: [value] });
  }

  constant(constant: Constant): Value {
    const values = constant.values.map((value) =>
      Object.is(value, -0) ? "-0" : String(value),
    );
    const name = `${constant.type}[${constant.dims.join(",")}]:${values.join(",")}`;
    this.#constants.set(name, constant);
    return name;
  }

  /** Builds a branch of an `If`; it sees the values made so far. */
  branch(name: string, build: () => readonly Port[]): Body {
    const outer = this.#nodes;
    this.#nodes = [];
    const outputs = build();
    const body = { name, nodes: this.#nodes, inputs: [], outputs };
    this.#nodes = outer;
    return body;
  }

  finish(): Graph {
    return {
      name: this.name,
      nodes: this.#nodes,
      inputs: this.inputs,
      outputs: this.outputs,
      constants: this.#constants,
      initializers: [...this.#initializers.values()],
      landmarks: this.#landmarks,
    };
  }

  #fresh(): Value {
    this.#count += 1;
    return `v${this.#count}`;
  }
}
