// One loaded ONNX graph, as the ONNX backend sees it; each host brings its own.

/** A dense tensor, row-major. */
export interface Tensor {
  readonly type: "float32" | "int64" | "int32" | "uint8" | "bool";
  readonly dims: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array | Uint8Array;
}

/**
 * A tensor a session keeps on its own side; fed back without a copy. The
 * holder disposes it.
 */
export interface HeldTensor {
  readonly dims: readonly number[];
  /** Copies the values out. */
  read(): Promise<Tensor>;
  dispose(): void;
}

export type Feeds = Readonly<Record<string, Tensor | HeldTensor>>;

/** One loaded ONNX graph. Knows nothing of tasks, prompts or images. */
export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];

  /**
   * Runs the graph once.
   *
   * @param feeds one tensor for each of `inputNames`; read, not kept.
   * @param outputs the outputs wanted, all if left out.
   * @returns held tensors, owned by the caller.
   * @throws FlorenceError `engine_bad_output` if the runtime refuses the feeds;
   *   `deadline_exceeded` if `signal` was aborted before the run began.
   */
  run(
    feeds: Feeds,
    options?: {
      readonly outputs?: readonly string[];
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<Readonly<Record<string, HeldTensor>>>;

  /** Gives the memory back. May be called twice; `run` after it throws. */
  dispose(): Promise<void>;
}

/** The files of one graph: the graph itself and its external weights. */
export interface GraphFiles {
  /** Its bytes, or a path the host opens, with the weights beside it. */
  readonly graph: Uint8Array | string;
  /** Bytes by the name the graph calls them; empty where `graph` is a path. */
  readonly weights: Readonly<Record<string, Uint8Array>>;
}

/** Opens graphs on one host: `onnxruntime-node`, `onnxruntime-web`. */
export interface SessionFactory {
  readonly backend: string;
  readonly device: string;
  /** Bytes that prompts being answered may take together; 1 GiB if left out. */
  readonly stateBytes?: number;

  /**
   * Loads a graph.
   *
   * @throws FlorenceError `engine_unavailable` if the runtime is not to be had,
   *   `bundle_invalid` if it refuses the graph.
   */
  open(files: GraphFiles): Promise<Session>;

  /** Takes a tensor to the runtime's side; the caller disposes it. */
  hold(tensor: Tensor): HeldTensor;
}
